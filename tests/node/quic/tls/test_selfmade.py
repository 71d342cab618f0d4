"""The P-256 certificate that a node makes for browsers: kept, and renewed over the same key."""

import datetime
import stat
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from node.quic.tls.keys import KeyFileError
from node.quic.tls.pem import read_certified
from node.quic.tls.selfmade import LIFETIME, RENEWAL, load_or_make_passing, renewed
from tests.support.certificates import certificate, put

DAY = datetime.timedelta(days=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secrets" / "node_certificate.pem"


def test_it_is_made_once_and_private(path):
    first = load_or_make_passing(path)
    before = path.stat()
    assert load_or_make_passing(path).fingerprint == first.fingerprint
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert stat.S_IMODE(before.st_mode) == 0o600
    assert isinstance(first.private.curve, ec.SECP256R1)
    first.leaf.verify_directly_issued_by(first.leaf)


def test_browsers_take_its_lifetime(path):
    leaf = load_or_make_passing(path).leaf
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == LIFETIME <= 398 * DAY


def test_near_its_end_it_is_renewed_over_the_same_key(path):
    old = load_or_make_passing(path)
    end = old.leaf.not_valid_after_utc
    assert renewed(path, old, end - RENEWAL - DAY) is old
    fresh = renewed(path, old, end - RENEWAL)
    assert fresh.leaf.public_key() == old.leaf.public_key()
    assert fresh.leaf.not_valid_after_utc > end
    assert read_certified(path, path).fingerprint == fresh.fingerprint != old.fingerprint
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_one_that_ran_out_while_the_node_was_off_is_renewed_at_its_start(path):
    private = ec.generate_private_key(ec.SECP256R1())
    path.parent.mkdir()
    put(path, private, certificate(private, end=-datetime.timedelta(minutes=1)))
    fresh = load_or_make_passing(path)
    assert fresh.leaf.public_key() == private.public_key()
    assert fresh.leaf.not_valid_after_utc > datetime.datetime.now(datetime.UTC)


def test_one_that_was_made_while_the_clock_was_ahead_is_made_anew(path):
    old = load_or_make_passing(path)
    before = old.leaf.not_valid_before_utc - DAY
    fresh = renewed(path, old, before)
    assert fresh.leaf.public_key() == old.leaf.public_key()
    assert fresh.leaf.not_valid_before_utc < before
    assert renewed(path, fresh, before) is fresh


def test_a_clock_that_was_never_set_makes_nothing_anew(path):
    old = load_or_make_passing(path)
    assert renewed(path, old, datetime.datetime(1970, 1, 2, tzinfo=datetime.UTC)) is old


def test_a_damaged_file_is_an_error_and_stays(path):
    path.parent.mkdir()
    path.write_bytes(b"damaged")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match=r"node_certificate\.pem: holds no"):
        load_or_make_passing(path)
    assert path.read_bytes() == b"damaged"


def test_of_many_makers_all_get_the_same(path):
    gate, made = threading.Barrier(4), []

    def make():
        gate.wait()
        made.append(load_or_make_passing(path).fingerprint)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
