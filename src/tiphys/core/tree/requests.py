"""How much of a node a Pod asks for, and how much a node has: in thousandths of the unit.

By the scheduler's rule: the containers together, or an init container where one asks for more;
init containers that go on running count beside both; what the Pod itself costs comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING
from typing import Any

from tiphys.core.diff.quantity import parse
from tiphys.model.live import Host
from tiphys.model.resource import Manifest

COUNTED = ("cpu", "memory", "storage")
"""What the view of hosts shows, in its order."""
_FINISHED = frozenset({"Succeeded", "Failed"})


def pod_requests(pod: Manifest) -> tuple[tuple[str, int], ...]:
    """Nothing of a Pod that is finished; of others cpu and memory at least."""
    if (pod.get("status") or {}).get("phase") in _FINISHED:
        return ()
    spec = pod.get("spec") or {}
    running = dict.fromkeys(COUNTED, 0)
    peak = dict.fromkeys(COUNTED, 0)
    beside = dict.fromkeys(COUNTED, 0)
    for container in spec.get("initContainers") or ():
        asked = _asked(container)
        stays = container.get("restartPolicy") == "Always"
        for name in COUNTED:
            beside[name] += asked[name] if stays else 0
            peak[name] = max(peak[name], beside[name] + (0 if stays else asked[name]))
    for container in spec.get("containers") or ():
        asked = _asked(container)
        for name in COUNTED:
            running[name] += asked[name]
    cost = _amounts(spec.get("overhead"))
    found = {name: max(running[name] + beside[name], peak[name]) + cost[name] for name in COUNTED}
    return tuple((name, found[name]) for name in COUNTED if found[name] or name != "storage")


def host_of(node: Manifest) -> Host:
    status = node.get("status") or {}
    capacity = status.get("capacity") or {}
    amounts = _amounts(capacity)
    return Host(
        capacity=tuple((name, amounts[name]) for name in COUNTED if name in capacity),
        system=status.get("nodeInfo") or {},
        labels=node["metadata"].get("labels") or {},
    )


def _asked(container: Mapping[str, Any]) -> dict[str, int]:
    return _amounts((container.get("resources") or {}).get("requests"))


def _amounts(quantities: Mapping[str, Any] | None) -> dict[str, int]:
    return {name: _milli((quantities or {}).get(name)) for name in COUNTED}


def _milli(quantity: Any) -> int:
    value = parse(str(quantity)) if quantity is not None else None
    if value is None:
        return 0
    return int((value * 1000).to_integral_value(rounding=ROUND_CEILING))
