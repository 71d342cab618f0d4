"""Declarations beside the sources, from which the compiler makes extension types of the engine's state classes.

Only native slots for attributes make compiled code fast, and a .pxd file gives them without a change to the source.
An attribute that is only ever set to new objects of one of these classes, or to None, has that type, so that what is
behind it is reached directly; every other stays an object of any type. A class that keeps `__dict__` takes further
attributes as before.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

STATE = {
    "_crypto": ("AEAD", "HeaderProtection"),
    "quic/congestion/base": ("QuicRttMonitor",),
    "quic/connection": ("Limit", "QuicConnection", "QuicNetworkPath"),
    "quic/crypto": ("CryptoContext", "CryptoPair"),
    "quic/packet_builder": ("QuicPacketBuilder",),
    "quic/recovery": ("QuicPacketNumberWindow", "QuicPacketPacer", "QuicPacketRecovery", "QuicPacketSpace"),
    "quic/stream": ("QuicStream", "QuicStreamReceiver", "QuicStreamSender"),
    "tls": ("KeySchedule",),
}
"""Classes by module. They can be subclassed in Python, and an instance can be given attributes and methods."""

RECORDS = {
    "quic/connection": ("QuicReceiveContext",),
    "quic/events": ("QuicEvent", "StreamDataReceived"),
    "quic/packet": ("QuicHeader", "QuicStreamFrame"),
    "quic/packet_builder": ("QuicSentPacket",),
}
"""Dataclasses made for each packet, which have their fields and nothing else."""

_OPEN = ("    cdef dict __dict__", "    cdef object __weakref__")


class UnknownSource(Exception):
    """The source has no such class."""


def declare(package: Path) -> None:
    """Write the declarations beside the modules of this package. Raises UnknownSource."""
    for directory in ("", "quic", "quic/congestion"):
        (package / directory / "__init__.pxd").touch()
    homes = {name: module for group in (STATE, RECORDS) for module, names in group.items() for name in names}
    for module in sorted({*STATE, *RECORDS}):
        source = (package / f"{module}.py").read_text()
        text = declarations(source, STATE.get(module, ()), RECORDS.get(module, ()), homes)
        (package / f"{module}.pxd").write_text(text)


def declarations(source: str, state: Iterable[str], records: Iterable[str], homes: Mapping[str, str]) -> str:
    """The text of a .pxd file for one module, its classes in the order of the source. `homes` names every declared
    class of the package with its module."""
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    if absent := {*state, *records} - classes.keys():
        raise UnknownSource(f"the source has no class {', '.join(sorted(absent))}")
    types = {name: _types(classes[name], homes) for name in state}
    used = {kind for of_class in types.values() for kind in of_class.values()} - classes.keys()
    imports = [f"from aioquic.{homes[kind].replace('/', '.')} cimport {kind}" for kind in sorted(used)]
    made = [_declared(node, types.get(name)) for name, node in classes.items() if name in (*state, *records)]
    return "\n".join([*imports, *made])


def _declared(node: ast.ClassDef, types: Mapping[str, str] | None) -> str:
    """`types` is None for a record."""
    bases = ", ".join(base.id for base in node.bases if isinstance(base, ast.Name))
    lines = [f"cdef class {node.name}({bases}):" if bases else f"cdef class {node.name}:"]
    lines += _OPEN if types is not None else ()
    lines += [f"    cdef public {(types or {}).get(name, 'object')} {name}" for name in attributes(node)]
    return "\n".join([*lines, ""] if len(lines) > 1 else [lines[0], "    pass", ""])


def _types(node: ast.ClassDef, homes: Mapping[str, str]) -> dict[str, str]:
    """The attributes that are only ever set to a new object of one declared class, or to None."""
    values = {
        id(target): part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Assign | ast.AnnAssign)
        for target in (part.targets if isinstance(part, ast.Assign) else [part.target])
    }
    kinds: dict[str, set[str]] = {}
    for target in _set_on_self(node):
        kinds.setdefault(target.attr, set()).add(_kind(values.get(id(target)), homes))
    only = {name: found - {"None"} for name, found in kinds.items()}
    return {name: next(iter(found)) for name, found in only.items() if len(found) == 1 and "object" not in found}


def _kind(value: ast.expr | None, homes: Mapping[str, str]) -> str:
    """The declared class of which this is a new object, "None", or "object" for anything else."""
    if isinstance(value, ast.Constant) and value.value is None:
        return "None"
    name = value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""
    return name if name in homes else "object"


def attributes(node: ast.ClassDef) -> list[str]:
    """Fields in the order of the source, which is that of a dataclass's parameters; then what methods set on self."""
    fields = [
        part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    ]
    return [*fields, *sorted({target.attr for target in _set_on_self(node)} - set(fields))]


def _set_on_self(node: ast.ClassDef) -> Iterator[ast.Attribute]:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store) and _name(part.value) == "self":
            yield part


def _name(node: ast.expr) -> str:
    """The name, if that is all it is."""
    return node.id if isinstance(node, ast.Name) else ""
