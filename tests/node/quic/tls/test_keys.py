"""The key file: made once, private, and refused when it is not."""

import os
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from node.core.errors import TlsConfigError
from node.core.fingerprint import parse_key, spellings
from node.quic.tls.keys import MAX_KEY_FILE, KeyFileError, NodeKey, load_node_key, load_or_create_node_key


def pem(private, format_=PrivateFormat.PKCS8, encryption=None):
    return private.private_bytes(Encoding.PEM, format_, encryption or NoEncryption())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secrets" / "node_key.pem"


@pytest.fixture
def place(path):
    """Put bytes where the key belongs, with a mode."""

    def put(data, mode=0o600):
        path.parent.mkdir(mode=0o700)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return put


def test_the_first_use_makes_a_private_file_in_a_private_directory(path):
    key = load_or_create_node_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----\n"), "ssh reads it as well"
    assert load_node_key(path).fingerprint == key.fingerprint
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_later_uses_return_the_same_key_and_leave_the_file_alone(path):
    first = load_or_create_node_key(path)
    before = path.stat()
    second = load_or_create_node_key(path)
    assert second.fingerprint == first.fingerprint
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_existing_directory_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o755)
    load_or_create_node_key(tmp_path / "identity")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_many_that_start_at_once_agree_on_one_key(path):
    barrier, keys = threading.Barrier(8), []

    def start():
        barrier.wait()
        keys.append(load_or_create_node_key(path).fingerprint)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_the_fingerprint_is_that_of_every_spelling_of_the_public_key():
    key = NodeKey.generate()
    spelled = spellings(key.fingerprint)
    assert parse_key(spelled.openssh) == parse_key(spelled.pem) == key.fingerprint


def test_an_openssh_file_is_an_identity_too(place):
    private = Ed25519PrivateKey.generate()
    path = place(pem(private, PrivateFormat.OpenSSH))
    assert load_or_create_node_key(path).fingerprint == NodeKey(private).fingerprint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o666])
def test_a_file_that_others_may_touch_is_refused(place, mode):
    path = place(pem(Ed25519PrivateKey.generate()), mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_or_create_node_key(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not hold"),
        (b"junk\n" * 20, "does not hold"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "does not hold"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "does not hold"),
        (b"x" * (MAX_KEY_FILE + 1), "too long"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "another kind than Ed25519"),
        (pem(Ed25519PrivateKey.generate(), encryption=BestAvailableEncryption(b"word")), "encrypted"),
        (spellings(NodeKey.generate().fingerprint).pem.encode(), "does not hold"),
    ],
    ids=["empty", "junk", "bad-pem", "bad-openssh", "long", "p256", "encrypted", "public"],
)
def test_anything_but_an_ed25519_private_key_is_refused_and_kept(place, data, message):
    path = place(data)
    with pytest.raises(KeyFileError, match=message) as caught:
        load_or_create_node_key(path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, TlsConfigError)
    assert caught.value.__cause__ is None
    assert path.read_bytes() == data


def test_a_directory_or_a_pipe_in_its_place_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(KeyFileError, match="not a file"):
            load_node_key(path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(KeyFileError, match="node_key"):
        load_or_create_node_key(tmp_path / "file" / "node_key.pem")


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    link = tmp_path / "node_key.pem"
    link.symlink_to(tmp_path / "gone")
    with pytest.raises(KeyFileError, match=r"node_key\.pem: cannot be made"):
        load_or_create_node_key(link)


def test_loading_alone_makes_nothing(path):
    with pytest.raises(FileNotFoundError):
        load_node_key(path)
    assert not path.parent.exists()


def test_no_text_of_a_key_holds_its_secret():
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes_raw()
    text = f"{NodeKey(private)!r} {NodeKey(private)} {[NodeKey(private)]}"
    assert secret.hex() not in text
    assert NodeKey(private).fingerprint in text
