"""Three-way patches, and what applying them makes of an object."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.diff.documents import schema_of
from tiphys.core.diff.applied import apply_patch
from tiphys.core.diff.errors import DiffError, MergeKeyError
from tiphys.core.diff.merge import apply_object
from tiphys.core.diff.patch import Patch, three_way_patch
from tiphys.core.diff.schema import TypeSchema
from tiphys.core.diff.types import OPAQUE
from tiphys.model.live import PatchKind

Json = dict[str, Any]


def patch(kind: str, original: Json, modified: Json, current: Json) -> tuple[Json, Json]:
    """The body of the patch of a spec, and the spec that results."""
    schema = schema_of(kind)
    sides = [{"kind": kind, "metadata": {"name": "web"}, "spec": side}
             for side in (original, modified, current)]  # fmt: skip
    before = copy.deepcopy(sides)
    built = three_way_patch(original=sides[0], modified=sides[1], current=sides[2], schema=schema)
    result = apply_patch(sides[2], built, schema)
    assert sides == before
    return dict(built.body.get("spec", {})), dict(result["spec"])


def pod(*sides: Json) -> tuple[Json, Json]:
    wrapped = [{"template": {"spec": side}} for side in sides]
    body, result = patch("Deployment", *wrapped)
    return body.get("template", {}).get("spec", {}), result["template"]["spec"]


def test_kinds_of_patches() -> None:
    for name, kind in (("Deployment", PatchKind.STRATEGIC), ("Widget", PatchKind.MERGE)):
        built = three_way_patch(original={}, modified={}, current={}, schema=schema_of(name))
        assert built == Patch(kind, {})
        assert built.empty
    plain = three_way_patch(original={}, modified={"a": 1}, current={}, schema=None)
    assert plain == Patch(PatchKind.MERGE, {"a": 1})
    assert not plain.empty


def test_what_is_desired_is_set_and_what_is_no_more_desired_is_removed() -> None:
    body, result = patch(
        "Widget",
        {"cpu": "1", "gone": 1, "taken": 1},
        {"cpu": "2", "free": {"a": 1}},
        {"cpu": "1", "gone": 1, "others": 1},
    )
    assert body == {"cpu": "2", "free": {"a": 1}, "gone": None}
    assert result == {"cpu": "2", "free": {"a": 1}, "others": 1}


def test_drift_is_undone_and_what_others_added_stays() -> None:
    body, result = patch("Deployment", {"replicas": 3}, {"replicas": 3}, {"replicas": 5, "x": 1})
    assert body == {"replicas": 3}
    assert result == {"replicas": 3, "x": 1}


@pytest.mark.parametrize("original", [{}, {"replicas": None}])
def test_a_desired_null_is_no_desire(original: Json) -> None:
    assert patch("Deployment", original, {"replicas": None}, {"replicas": 5}) == (
        {},
        {"replicas": 5},
    )


def test_a_null_takes_back_what_was_applied() -> None:
    assert patch("Deployment", {"replicas": 3}, {"replicas": None}, {"replicas": 3}) == (
        {"replicas": None},
        {},
    )


def test_nulls_are_not_sent_along() -> None:
    body, result = patch("Widget", {}, {"free": {"a": None, "b": [{"c": None}]}}, {})
    assert body == {"free": {"b": [{}]}}
    assert result == body


def test_a_null_text_is_an_empty_one() -> None:
    built = three_way_patch(
        original={}, modified={"kind": "ConfigMap", "data": {"a": None, "b": None}},
        current={"kind": "ConfigMap", "data": {"a": ""}}, schema=schema_of("ConfigMap"),
    )  # fmt: skip
    assert built.body == {"data": {"b": ""}}


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"paused": False, "strategy": {}, "minReadySeconds": 0}, {}),
        ({"strategy": {"rollingUpdate": {"maxSurge": 1.0}}},
         {"strategy": {"rollingUpdate": {"maxSurge": 1}}}),
        ({"template": {"spec": {"restartPolicy": ""}}},
         {"template": {"spec": {"restartPolicy": "Always"}}}),
        ({"template": {"metadata": {"creationTimestamp": None}}}, {"template": {"metadata": {}}}),
        ({"template": {"spec": {"tolerations": [{"key": "a", "effect": ""}]}}},
         {"template": {"spec": {"tolerations": [{"key": "a"}]}}}),
    ],
)  # fmt: skip
def test_another_spelling_sends_nothing(desired: Json, live: Json) -> None:
    assert patch("Deployment", desired, desired, live) == ({}, live)
    assert patch("Deployment", {}, desired, live) == ({}, live)


def test_a_false_that_drifted_is_set() -> None:
    body, _ = pod({"hostNetwork": False}, {"hostNetwork": False}, {"hostNetwork": True})
    assert body == {"hostNetwork": False}


def test_what_the_server_chose_is_removed_only_if_it_was_desired() -> None:
    chosen = {"nodeName": "a", "restartPolicy": "Always"}
    assert pod({"nodeName": ""}, {}, chosen)[0] == {}
    assert pod({"nodeName": "a"}, {"nodeName": ""}, chosen)[0] == {"nodeName": None}
    assert pod({"nodeName": "a"}, {}, chosen)[0] == {"nodeName": None}
    assert pod({"nodeName": None}, {}, chosen)[0] == {}


def test_a_value_of_another_shape_replaces() -> None:
    assert patch("Widget", {}, {"free": {"a": 1}}, {"free": [1]}) == (
        {"free": {"a": 1}}, {"free": {"a": 1}}
    )  # fmt: skip
    assert patch("Widget", {"free": [2]}, {"free": {"a": 1}}, {"free": {"b": 1}}) == (
        {"free": {"a": 1}}, {"free": {"a": 1, "b": 1}}
    )  # fmt: skip
    assert patch("Widget", {}, {"free": "a"}, {"free": {"b": 1}})[1] == {"free": "a"}


def test_lists_of_custom_kinds_are_replaced_whole() -> None:
    parts = [{"name": "a"}, {"name": "b", "on": True}]
    live = [{"name": "a", "on": False}, {"name": "b", "on": False}]
    body, result = patch("Widget", {"parts": parts}, {"parts": parts}, {"parts": live})
    assert body == {"parts": parts}
    assert result == {"parts": parts}
    equal = [{"name": "a", "on": False}, {"name": "b", "on": True}]
    assert patch("Widget", {"parts": parts}, {"parts": parts}, {"parts": equal})[0] == {}


def test_dollar_keys_of_custom_kinds_mean_nothing() -> None:
    body, result = patch("Widget", {}, {"free": {"$patch": "replace", "a": 1}}, {"free": {"b": 1}})
    assert body == {"free": {"$patch": "replace", "a": 1}}
    assert result == {"free": {"$patch": "replace", "a": 1, "b": 1}}


WEB: Json = {"name": "web", "image": "web:1"}
SIDE: Json = {"name": "side", "image": "side:1"}
PROXY: Json = {"name": "proxy", "image": "proxy:1"}


def test_items_are_changed_added_and_removed_by_key() -> None:
    new = {"name": "new", "image": "new:1", "args": None}
    body, result = pod(
        {"containers": [WEB, SIDE]},
        {"containers": [new, {**WEB, "image": "web:2"}]},
        {"containers": [PROXY, {**WEB, "stdin": True}, SIDE]},
    )
    assert body == {
        "containers": [
            {"name": "new", "image": "new:1"},
            {"name": "web", "image": "web:2"},
            {"$patch": "delete", "name": "side"},
        ],
        "$setElementOrder/containers": [{"name": "new"}, {"name": "web"}],
    }
    assert result["containers"] == [
        {"name": "new", "image": "new:1"},
        PROXY,
        {"name": "web", "image": "web:2", "stdin": True},
    ]


def test_a_changed_item_sends_no_order() -> None:
    body, _ = pod({}, {"containers": [{**WEB, "image": "web:2"}]}, {"containers": [WEB, SIDE]})
    assert body == {"containers": [{"name": "web", "image": "web:2"}]}


def test_an_injected_item_is_no_difference() -> None:
    sides = ({"containers": [WEB]}, {"containers": [WEB]}, {"containers": [PROXY, WEB, SIDE]})
    assert pod(*sides) == ({}, sides[2])


def test_order_is_a_difference() -> None:
    body, result = pod({}, {"containers": [WEB, SIDE]}, {"containers": [SIDE, PROXY, WEB]})
    assert body == {"$setElementOrder/containers": [{"name": "web"}, {"name": "side"}]}
    assert result["containers"] == [PROXY, WEB, SIDE]


def test_an_emptied_list_removes_what_was_applied() -> None:
    body, result = pod({"containers": [WEB]}, {"containers": []}, {"containers": [WEB, PROXY]})
    assert body == {"containers": [{"$patch": "delete", "name": "web"}]}
    assert result == {"containers": [PROXY]}


def test_of_a_list_that_is_no_more_desired_only_what_was_applied_goes() -> None:
    body, result = pod({"containers": [WEB]}, {}, {"containers": [WEB, PROXY]})
    assert body == {"containers": [{"$patch": "delete", "name": "web"}]}
    assert result == {"containers": [PROXY]}
    atomic = {"tolerations": [{"key": "a"}]}
    assert pod(atomic, {}, atomic) == ({"tolerations": None}, {})


@pytest.mark.parametrize("kind", ["Deployment", "Widget"])
def test_of_a_map_that_is_no_more_desired_only_what_was_applied_goes(kind: str) -> None:
    original = {"metadata": {"labels": {"a": "1"}, "annotations": {}}}
    current = {"metadata": {"labels": {"a": "1", "b": "2"}, "annotations": {"c": "3"}}}
    built = three_way_patch(
        original=original, modified={"metadata": {}}, current=current, schema=schema_of(kind)
    )
    assert built.body == {"metadata": {"labels": {"a": None}}}


def test_a_struct_that_is_no_more_desired_goes_whole() -> None:
    body, _ = pod({"securityContext": {"fsGroup": 1}}, {}, {"securityContext": {"runAsUser": 1}})
    assert body == {"securityContext": None}


def test_the_old_name_of_the_service_account_follows() -> None:
    live = {"serviceAccountName": "a", "serviceAccount": "a"}
    named = {"serviceAccountName": "a"}
    assert pod(named, {}, live)[0] == {"serviceAccountName": None, "serviceAccount": None}
    assert pod(named, {"serviceAccountName": "b"}, live)[1] == {
        "serviceAccountName": "b",
        "serviceAccount": "b",
    }
    both = {"serviceAccountName": "b", "serviceAccount": "b"}
    assert pod(named, both, live)[1] == both
    assert pod({}, named, {})[0] == named


def test_a_union_keeps_only_what_is_desired() -> None:
    old = {"name": "v", "emptyDir": {}}
    new = {"name": "v", "configMap": {"name": "c"}}
    body, result = pod({"volumes": [old]}, {"volumes": [new]}, {"volumes": [old]})
    assert body == {
        "volumes": [
            {"name": "v", "configMap": {"name": "c"}, "emptyDir": None,
             "$retainKeys": ["configMap", "name"]}
        ]
    }  # fmt: skip
    assert result == {"volumes": [new]}
    strategy = {"type": "Recreate", "rollingUpdate": None}
    live = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    body, result = patch("Deployment", {}, {"strategy": strategy}, live)
    assert body == {"strategy": {"type": "Recreate", "$retainKeys": ["type"]}}
    assert result == {"strategy": {"type": "Recreate"}}


def test_a_union_in_a_custom_kind_is_none() -> None:
    plain = TypeSchema(schema_of("Deployment").gvk, schema_of("Deployment").root, False)
    built = three_way_patch(
        original={}, modified={"spec": {"strategy": {"type": "A"}}},
        current={"spec": {"strategy": {"type": "B"}}}, schema=plain,
    )  # fmt: skip
    assert built.body == {"spec": {"strategy": {"type": "A"}}}


def test_a_replaced_mapping_is_sent_whole() -> None:
    body, result = patch(
        "PodDisruptionBudget",
        {},
        {"selector": {"matchLabels": {"a": "1"}}},
        {"selector": {"matchLabels": {"b": "2"}}},
    )
    assert body == {"selector": {"matchLabels": {"a": "1"}}}
    assert result == body
    same = {"selector": {"matchLabels": {"a": "1"}}}
    assert (
        patch("PodDisruptionBudget", {}, {"selector": {**same["selector"], "x": None}}, same)[0]
        == {}
    )


def finalizers(*sides: list[str]) -> tuple[Any, Any]:
    schema = schema_of("Deployment")
    manifests = [{"metadata": {"finalizers": side}} for side in sides]
    built = three_way_patch(
        original=manifests[0], modified=manifests[1], current=manifests[2], schema=schema
    )
    return built.body.get("metadata", {}), apply_patch(manifests[2], built, schema)["metadata"]


def test_scalars_are_merged_as_a_set() -> None:
    body, result = finalizers(["a", "b", "c"], ["d", "b"], ["b", "a", "x"])
    assert body == {"finalizers": ["d"], "$deleteFromPrimitiveList/finalizers": ["a"]}
    assert result == {"finalizers": ["b", "x", "d"]}
    assert finalizers(["a"], ["a", "b"], ["b", "a"])[0] == {}
    assert finalizers(["a"], [], ["a"]) == (
        {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": []}
    )  # fmt: skip


def test_ports_of_one_number_are_told_apart_by_protocol() -> None:
    tcp, udp = {"port": 53, "name": "tcp"}, {"port": 53, "protocol": "UDP", "name": "udp"}
    live_tcp = {**tcp, "protocol": "TCP", "nodePort": 30001, "targetPort": 53}
    live_udp = {**udp, "nodePort": 30002, "targetPort": 53}
    desired = {"ports": [tcp, udp]}
    live = {"ports": [live_tcp, live_udp]}
    assert patch("Service", desired, desired, live) == ({}, live)
    renamed = {"ports": [tcp, {**udp, "name": "dns"}]}
    body, result = patch("Service", desired, renamed, live)
    expected = [live_tcp, {**live_udp, "name": "dns"}]
    assert body == {"ports": [{"$patch": "replace"}, *expected]}
    assert result == {"ports": expected}


def test_a_second_protocol_is_added_and_removed() -> None:
    tcp, udp = {"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}
    other = {"port": 80, "protocol": "TCP"}
    body, result = patch("Service", {"ports": [tcp]}, {"ports": [tcp, udp]}, {"ports": [tcp]})
    assert body["ports"][0] == {"$patch": "replace"}
    assert result == {"ports": [tcp, udp]}
    body, result = patch(
        "Service", {"ports": [tcp, udp]}, {"ports": [udp]}, {"ports": [tcp, udp, other]}
    )
    assert result == {"ports": [udp, other]}


def test_equal_items_are_paired_by_their_place() -> None:
    one, two = {"name": "A", "value": "1"}, {"name": "A", "value": "2"}
    containers = [{"containers": [{"name": "web", "env": env}]} for env in ([one, two], [two, one])]
    assert pod(containers[0], containers[0], containers[0])[0] == {}
    assert pod(containers[0], containers[0], containers[1])[1] == containers[0]


@pytest.mark.parametrize("item", [{"image": "a"}, "text", {"name": ["a"]}, {"name": None}])
@pytest.mark.parametrize("side", [0, 1, 2])
def test_an_item_without_its_key_is_an_error(item: Any, side: int) -> None:
    sides: list[Json] = [{"containers": [WEB]} for _ in range(3)]
    sides[side] = {"containers": [item]}
    with pytest.raises(MergeKeyError) as caught:
        pod(*sides)
    assert isinstance(caught.value, DiffError)
    assert caught.value.path == "spec.template.spec.containers"
    assert caught.value.key.name == "web"
    assert str(caught.value) == (
        "Deployment web: spec.template.spec.containers: an item has no name"
    )


def test_the_path_of_an_error_names_the_items_above() -> None:
    good, bad = ([{**WEB, "env": [{key: "A", "value": "secret"}]}] for key in ("name", "nam"))
    with pytest.raises(MergeKeyError) as caught:
        pod({}, {"containers": bad}, {"containers": good})
    assert caught.value.path == "spec.template.spec.containers[name=web].env"
    assert "secret" not in str(caught.value)


def test_what_the_server_writes_is_left_out() -> None:
    modified = {
        "kind": "Deployment",
        "metadata": {"name": "a", "uid": "1", "resourceVersion": "1", "generation": 1,
                     "creationTimestamp": None, "managedFields": [], "labels": {"a": "b"}},
        "status": {"replicas": 1},
    }  # fmt: skip
    current = {"kind": "Deployment", "metadata": {"name": "a", "uid": "2"}, "status": {"x": 1}}
    built = three_way_patch(
        original=modified, modified=modified, current=current, schema=schema_of("Deployment")
    )
    assert built.body == {"metadata": {"labels": {"a": "b"}}}


def test_the_status_of_custom_kinds_may_be_plain_data() -> None:
    modified = {"kind": "Widget", "status": {"a": 1}}
    built = three_way_patch(
        original={}, modified=modified, current={"kind": "Widget"}, schema=schema_of("Widget")
    )
    assert built.body == {"status": {"a": 1}}


def test_string_data_is_compared_as_data() -> None:
    def secret(**content: Any) -> Json:
        return {"apiVersion": "v1", "kind": "Secret", **content}

    built = three_way_patch(
        original=secret(stringData={"a": "1", "b": "2"}),
        modified=secret(stringData={"a": "1"}, data={"c": "Mw==\n"}),
        current=secret(data={"a": "MQ==", "b": "Mg==", "c": "Mw=="}),
        schema=schema_of("Secret"),
    )
    assert built.body == {"data": {"b": None}}


def test_whole_mappings_can_be_replaced() -> None:
    body = {"$patch": "replace", "a": 1}
    assert apply_object({"b": 1}, body, OPAQUE, strategic=True) == {"a": 1}


def test_a_list_in_a_new_object_is_merged_into_nothing() -> None:
    schema = schema_of("Deployment")
    built = Patch(PatchKind.STRATEGIC, {"spec": {"template": {"spec": {"containers": [
        WEB, {"$patch": "delete", "name": "gone"}
    ]}}}})  # fmt: skip
    assert apply_patch({}, built, schema) == {"spec": {"template": {"spec": {"containers": [WEB]}}}}


def test_an_order_for_an_absent_list_means_nothing() -> None:
    built = Patch(PatchKind.STRATEGIC, {"spec": {"$setElementOrder/x": [{"name": "a"}]}})
    assert apply_patch({"spec": {}}, built, schema_of("Deployment")) == {"spec": {}}


def test_scalars_are_taken_out_of_an_absent_list() -> None:
    built = Patch(PatchKind.STRATEGIC, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}})
    assert apply_patch({}, built, schema_of("Deployment")) == {"metadata": {"finalizers": []}}


names = st.sampled_from("abcd")
env = st.lists(
    st.fixed_dictionaries({"name": names}, optional={"value": st.sampled_from(["1", "2"])}),
    unique_by=lambda item: item["name"], max_size=3,
)  # fmt: skip
containers = st.lists(
    st.fixed_dictionaries(
        {"name": names},
        optional={"image": st.sampled_from(["x", "y"]), "env": env,
                  "args": st.lists(st.sampled_from(["p", "q"]), min_size=1, max_size=2)},
    ),
    unique_by=lambda item: item["name"], max_size=3,
)  # fmt: skip
specs = st.fixed_dictionaries(
    {},
    optional={"replicas": st.integers(0, 2), "template": st.fixed_dictionaries(
        {}, optional={"spec": st.fixed_dictionaries({}, optional={"containers": containers})}
    )},
)  # fmt: skip


def desired_is_live(desired: Any, live: Any) -> bool:
    """Whether everything desired is live: mappings in part, keyed lists by name, others equal."""
    match desired, live:
        case dict(), dict() | None:
            found = live or {}
            return all(desired_is_live(item, found.get(name)) for name, item in desired.items())
        case [], list() | None:
            return True
        case [{"name": _}, *_], list():
            named = {item["name"]: item for item in live}
            return all(desired_is_live(item, named[item["name"]]) for item in desired)
        case _:
            return bool(desired == live)


@given(specs, specs, specs)
def test_applying_a_patch_brings_what_is_desired(original: Any, modified: Any, live: Any) -> None:
    _, result = patch("Deployment", original, modified, live)
    assert desired_is_live(modified, result)


@given(specs, specs, specs)
def test_patching_twice_changes_nothing(original: Any, modified: Any, live: Any) -> None:
    _, result = patch("Deployment", original, modified, live)
    assert patch("Deployment", modified, modified, result)[0] == {}


@given(specs, specs)
def test_what_was_applied_and_is_live_becomes_what_is_desired(old: Any, new: Any) -> None:
    _, result = patch("Deployment", old, new, old)
    assert patch("Deployment", new, new, result)[0] == {}
    assert patch("Deployment", result, new, result)[0] == {}


json = st.recursive(
    st.booleans() | st.integers(0, 3) | st.text("ab", max_size=1),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(names, json), st.dictionaries(names, json), st.dictionaries(names, json))
def test_merge_patches_bring_custom_kinds_to_what_is_desired(
    original: Json, modified: Json, live: Json
) -> None:
    wrapped = [{"free": side} for side in (original, modified, live)]
    _, result = patch("Widget", *wrapped)
    assert patch("Widget", wrapped[1], wrapped[1], result)[0] == {}
    exact = patch("Widget", wrapped[2], wrapped[1], wrapped[2])[1]
    assert exact == wrapped[1]


@pytest.mark.parametrize(
    ("policy", "image", "sent"),
    [("Always", "web", {}), ("IfNotPresent", "web", {"imagePullPolicy": ""}),
     ("IfNotPresent", "web:1", {})],
)  # fmt: skip
def test_a_zero_asks_for_the_default(policy: str, image: str, sent: Json) -> None:
    def spec(policy: str) -> Json:
        containers = [{"name": "a", "image": image, "imagePullPolicy": policy}]
        return {"template": {"spec": {"containers": containers}}}

    body, _ = patch("Deployment", spec(""), spec(""), spec(policy))
    expected = {"template": {"spec": {"containers": [{**sent, "name": "a"}]}}} if sent else {}
    assert body == expected


def test_a_zero_that_means_something_is_sent() -> None:
    assert patch("Deployment", {}, {"replicas": 0}, {"replicas": 1})[0] == {"replicas": 0}


def test_a_union_of_which_nothing_is_named_keeps_what_others_set() -> None:
    live = {"strategy": {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}
    body, result = patch("Deployment", {"strategy": {"type": "Recreate"}}, {"strategy": {}}, live)
    assert body == {"strategy": {"type": None}}
    assert result == {"strategy": {"rollingUpdate": {"maxSurge": 1}}}


def test_what_others_add_to_a_union_goes_unless_it_is_the_default() -> None:
    desired = {"strategy": {"type": "RollingUpdate"}}
    bounds = {"maxSurge": "25%", "maxUnavailable": "25%"}
    usual = {"strategy": {"type": "RollingUpdate", "rollingUpdate": bounds}}
    assert patch("Deployment", desired, desired, usual) == ({}, usual)
    changed = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}
    body, result = patch("Deployment", desired, desired, changed)
    assert body == {"strategy": {"$retainKeys": ["type"]}}
    assert result == desired
