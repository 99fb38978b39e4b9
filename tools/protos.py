"""Compiles protos/ into the descriptor set that the wire is read and written by.

    python tools/protos.py [--check]

Kubernetes' own messages come from the generated.proto files of the Go modules that
devcluster/go.mod pins; what those do not say of them stands in protos/kubernetes.toml. The set is
kept small: only messages that the contract reaches, without comments.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc_tools  # type: ignore[import-untyped]
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from go_toolchain import find_toolchain

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
TARGET = ROOT / "src" / "tiphys" / "model" / "contract.binpb"
KUBERNETES = PROTOS / "kubernetes.toml"
MODULES = ("k8s.io/api", "k8s.io/apiextensions-apiserver", "k8s.io/apimachinery")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tiphys"
SHAPE = "tiphys/shape.proto"


def descriptor_set() -> bytes:
    """The set's bytes, the same for the same sources."""
    with tempfile.TemporaryDirectory() as scratch:
        modules = Path(scratch, "modules")
        _link_modules(modules)
        whole = _compile(modules, Path(scratch, "set"))
    kept = _pruned(whole)
    _tell_shapes(kept)
    return kept.SerializeToString(deterministic=True)


def _link_modules(folder: Path) -> None:
    """Kubernetes' modules under their import paths."""
    go = find_toolchain(CACHE).go
    asked = subprocess.run(
        [go, "mod", "download", "-json", *MODULES],
        cwd=ROOT / "devcluster",
        stdout=subprocess.PIPE,
        check=True,
    )
    decoder = json.JSONDecoder()
    text = asked.stdout.decode().strip()
    while text:
        found, end = decoder.raw_decode(text)
        link = folder / found["Path"]
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(found["Dir"])
        text = text[end:].lstrip()


def _compile(modules: Path, target: Path) -> FileDescriptorSet:
    own = sorted(str(one.relative_to(PROTOS)) for one in PROTOS.rglob("*/*.proto"))
    known = Path(grpc_tools.__file__).with_name("_proto")
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{modules}"]
    command += [f"-I{known}", "--include_imports", f"--descriptor_set_out={target}", *own]
    # Kubernetes' files import more than they use, which protoc warns of at length.
    run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode != 0:
        raise SystemExit(run.stderr)
    return FileDescriptorSet.FromString(target.read_bytes())


def _pruned(whole: FileDescriptorSet) -> FileDescriptorSet:
    """Kubernetes' messages that nobody reaches are gone, and imports that nobody needs."""
    messages = {name: one for file in whole.file for name, one in _messages(file)}
    owners = {name: file.name for file in whole.file for name, _ in _messages(file)}
    reached = _reached(
        messages,
        (name for name in messages if not owners[name].startswith("k8s.io/")),
    )
    kept = FileDescriptorSet()
    for file in whole.file:
        foreign = file.name.startswith("k8s.io/")
        if foreign and not any(owners[name] == file.name for name in reached):
            continue
        copy = kept.file.add()
        copy.CopyFrom(file)
        if foreign:
            del copy.message_type[:]
            wanted = [one for one in file.message_type if f".{file.package}.{one.name}" in reached]
            copy.message_type.extend(wanted)
            copy.options.ClearField("go_package")
            needed = {owners[used] for one in wanted for used in _uses(one)} - {file.name}
            del copy.dependency[:]
            copy.dependency.extend(sorted(needed))
    return kept


def _messages(file: FileDescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
    prefix = f".{file.package}" if file.package else ""
    for one in file.message_type:
        yield f"{prefix}.{one.name}", one


def _uses(message: DescriptorProto) -> Iterator[str]:
    """Full names of messages in the fields of one, those of its maps' values among them."""
    nested = {one.name for one in message.nested_type}
    for field in message.field:
        if field.type_name and field.type_name.rpartition(".")[2] not in nested:
            yield field.type_name
    for one in message.nested_type:
        yield from _uses(one)


def _reached(messages: dict[str, DescriptorProto], roots: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in reached and name in messages:
            reached.add(name)
            waiting.extend(_uses(messages[name]))
    return reached


def _tell_shapes(kept: FileDescriptorSet) -> None:
    """Adds the options of kubernetes.toml to the fields that it names."""
    told = tomllib.loads(KUBERNETES.read_text())
    extensions = _extensions(kept)
    for file in kept.file:
        for name, message in _messages(file):
            facts = told.pop(name.removeprefix("."), {})
            for field in message.field:
                words = facts.pop(field.name, ())
                if words:
                    options = extensions()
                    for word in words:
                        pool = options.DESCRIPTOR.file.pool
                        options.Extensions[pool.FindExtensionByName(f"tiphys.{word}")] = True
                    field.options.MergeFromString(options.SerializeToString(deterministic=True))
            if facts:
                raise SystemExit(f"{KUBERNETES}: {name} has no field {', '.join(facts)}")
    if told:
        raise SystemExit(f"{KUBERNETES}: nothing reaches {', '.join(told)}")


def _extensions(kept: FileDescriptorSet) -> type[Any]:
    """FieldOptions that know the words of shape.proto."""
    pool = descriptor_pool.DescriptorPool()
    by_name = {file.name: file for file in kept.file}
    for name in ("google/protobuf/descriptor.proto", SHAPE):
        pool.Add(by_name[name])
    found = pool.FindMessageTypeByName("google.protobuf.FieldOptions")
    return message_factory.GetMessageClass(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the set is current")
    made = descriptor_set()
    if parser.parse_args().check:
        if made != TARGET.read_bytes():
            raise SystemExit(f"{TARGET.relative_to(ROOT)} is not current: run `make protos`")
        return
    TARGET.write_bytes(made)


if __name__ == "__main__":
    main()
