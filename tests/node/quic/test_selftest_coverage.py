"""The self-test's lists against the code: no private name of the engine is touched that the self-test does not know."""

import ast
import sysconfig
from pathlib import Path

from node.quic import selftest

OURS = Path(selftest.__file__).parent
ENGINES = Path(sysconfig.get_path("platlib"), "aioquic")
ENGINE_BASES = {"QuicConnection", "QuicPacketPacer", "Context"}
"""Classes of the engine that ours can stand on."""


def trees(directory):
    return {path: ast.parse(path.read_text()) for path in sorted(directory.rglob("*.py"))}


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def engines_names():
    """Every private name that a class of the engine has: its methods and what it sets on itself."""
    nodes = [node for tree in trees(ENGINES).values() for node in ast.walk(tree)]
    methods = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    stored = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return {name for name in methods | stored if is_private(name)}


def last_name(node):
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def on_the_engine(classes):
    """Names of the classes that stand on one of the engine's, through however many of ours."""
    found = set(ENGINE_BASES)
    while more := {
        node.name for node in classes if node.name not in found and found & {last_name(base) for base in node.bases}
    }:
        found |= more
    return found


def touched(forest):
    """Private names that are read, set, called, overridden or spelled in a text, and can be the engine's."""
    classes = [node for tree in forest for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    engines = on_the_engine(classes)
    own_self, names = set(), set()
    for node in classes:
        if node.name in engines:
            names |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
        else:
            own_self |= {id(part) for part in ast.walk(node) if is_of_self(part)}
    for node in (node for tree in forest for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and id(node) not in own_self:
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)
    return {name for name in names if is_private(name)}


def touched_by_us():
    return touched([tree for path, tree in trees(OURS).items() if path != Path(selftest.__file__)])


def is_of_self(node):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def listed():
    return {
        name
        for value in vars(selftest).values()
        if isinstance(value, tuple) and all(isinstance(name, str) for name in value)
        for name in value
    }


def test_every_private_name_that_is_touched_is_checked_at_the_start():
    assert (touched_by_us() & engines_names()) - listed() == set()


def test_what_is_no_longer_touched_is_no_longer_asked_for():
    assert {name for name in listed() if is_private(name)} - touched_by_us() == set()


def test_a_name_that_is_not_listed_is_found_however_it_is_touched():
    source = """
class Engine(QuicConnection):
    def _handle_stream_frame(self): return self._quic_logger
class Deeper(Engine):
    def _flush_builder(self): other.sender._acked = 1
class Plain:
    def read(self): return self._pending, getattr(x, "_retry_count")
"""
    found = touched([ast.parse(source)])
    assert {
        "_handle_stream_frame",
        "_quic_logger",
        "_flush_builder",
        "_acked",
        "_retry_count",
    } <= found & engines_names()
    assert "_pending" in engines_names()
    assert "_pending" not in found
