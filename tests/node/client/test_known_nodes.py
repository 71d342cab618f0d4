"""The file of trusted nodes: what it keeps, what it refuses, and that it is never half-written."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.client.known_nodes import MAX_FILE, AnotherKeyTrusted, KnownNodes, KnownNodesError, normal_address

A, B = "ed25519:" + "a" * 64, "SHA256:" + "b" * 64


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "made" / "known_nodes"


def test_what_is_trusted_is_found_under_every_spelling_of_its_address(path: Path) -> None:
    KnownNodes(path).trust("Node.Example", A)
    KnownNodes(path).trust("[::1]:5", B)
    assert KnownNodes(path).all() == {"node.example:4433": A, "[::1]:5": B}
    assert KnownNodes(path).fingerprint_of("NODE.example:4433") == A
    assert KnownNodes(path).fingerprint_of("node.example:4434") is None


def test_file_and_directory_are_private(path: Path) -> None:
    KnownNodes(path).trust("a:1", A)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_another_key_never_replaces_a_trusted_one(path: Path) -> None:
    nodes = KnownNodes(path)
    nodes.trust("a:1", A)
    nodes.trust("a:1", A)
    with pytest.raises(AnotherKeyTrusted, match=A):
        nodes.trust("a:1", B)
    assert nodes.all() == {"a:1": A}


def test_removing_forgets(path: Path) -> None:
    nodes = KnownNodes(path)
    nodes.trust("a:1", A)
    assert nodes.remove("A:1")
    assert not nodes.remove("a:1")
    assert nodes.all() == {}


@pytest.mark.parametrize(
    "damage",
    [b"a:1\n", b"a:1 " + A.encode() + b" more\n", b"a:1 ed25519:zz\n", b"a:x " + A.encode() + b"\n", b"\xff \xff\n"],
)
def test_a_damaged_file_is_named_with_its_line_and_left_alone(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(b"# heading\n" + damage)
    with pytest.raises(KnownNodesError, match=r"known_nodes line 2: expected ADDRESS FINGERPRINT"):
        KnownNodes(path).trust("b:1", B)
    assert path.read_bytes() == b"# heading\n" + damage


def test_a_huge_file_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(KnownNodesError, match="longer than"):
        KnownNodes(path).all()


def test_an_interrupted_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = KnownNodes(path)
    nodes.trust("a:1", A)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KnownNodesError, match="No space left"):
        nodes.trust("b:1", B)
    assert nodes.all() == {"a:1": A}
    assert {entry.name for entry in path.parent.iterdir()} == {"known_nodes", ".known_nodes.lock"}


def test_writers_at_once_lose_no_entry(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda port: KnownNodes(path).trust(f"a:{port}", A), range(1, 41)))
    assert len(KnownNodes(path).all()) == 40


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9.-]{0,20}", fullmatch=True), st.none() | st.integers(0, 65_535))
def test_normal_addresses_are_fixed_points(host: str, port: int | None) -> None:
    normal = normal_address(host if port is None else f"{host}:{port}")
    assert normal_address(normal) == normal
