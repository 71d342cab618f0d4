"""Declarations beside the sources, from which the compiler makes extension types of the engine's state classes.

Only native slots for attributes make compiled code fast, and a .pxd file gives them without a change to the source.
Every attribute stays an object of any type; a class that keeps `__dict__` takes further attributes as before.
"""

import ast
from collections.abc import Iterable, Iterator
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
    for module in sorted({*STATE, *RECORDS}):
        text = declarations((package / f"{module}.py").read_text(), STATE.get(module, ()), RECORDS.get(module, ()))
        (package / f"{module}.pxd").write_text(text)


def declarations(source: str, state: Iterable[str], records: Iterable[str]) -> str:
    """The text of a .pxd file for one module, its classes in the order of the source."""
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    if absent := {*state, *records} - classes.keys():
        raise UnknownSource(f"the source has no class {', '.join(sorted(absent))}")
    made = [_declared(node, name in state) for name, node in classes.items() if name in (*state, *records)]
    return "\n".join(made)


def _declared(node: ast.ClassDef, is_open: bool) -> str:  # noqa: FBT001 - internal
    bases = ", ".join(base.id for base in node.bases if isinstance(base, ast.Name))
    lines = [f"cdef class {node.name}({bases}):" if bases else f"cdef class {node.name}:"]
    lines += _OPEN if is_open else ()
    lines += [f"    cdef public object {name}" for name in attributes(node)]
    return "\n".join([*lines, ""] if len(lines) > 1 else [lines[0], "    pass", ""])


def attributes(node: ast.ClassDef) -> list[str]:
    """Fields in the order of the source, which is that of a dataclass's parameters; then what methods set on self."""
    fields = [
        part.target.id for part in node.body if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    ]
    return [*fields, *sorted(set(_set_on_self(node)) - set(fields))]


def _set_on_self(node: ast.ClassDef) -> Iterator[str]:
    for target in ast.walk(node):
        is_self = isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self"
        if is_self and isinstance(target.ctx, ast.Store):
            yield target.attr
