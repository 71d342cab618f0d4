"""Certificates that change under a running node: a good change is taken, a bad one told once and tried again."""

import asyncio
import contextlib
import datetime
import logging
import os

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from node.quic.server.listener import QuicListener
from node.quic.tls import certificate_watch
from node.quic.tls.certificate_watch import Certificates, OperatorWatch, PassingWatch
from node.quic.tls.keys import KeyFileError, NodeKey
from node.quic.tls.operator_files import OperatorFiles
from node.quic.tls.selfmade import RENEWAL
from tests.support.certificates import DAY, HOUR, certificate, put, sha256_of
from tests.support.quic import ALPN, Server, engine_of, read_all, settled, soon

OLD, NEW = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


class Pair:
    """The operator's two files."""

    def __init__(self, folder):
        self.files = OperatorFiles(folder / "chain.pem", folder / "key.pem")
        self.old = certificate(OLD, name="node.example")
        self.new = certificate(NEW, name="node.example")
        self.write(self.old, OLD)

    def write(self, leaf=None, private=None, mode=0o600):
        if leaf is not None:
            put(self.files.certificate, leaf)
        if private is not None:
            put(self.files.key, private, mode=mode)


@pytest.fixture
def pair(tmp_path):
    return Pair(tmp_path)


@pytest.fixture
def watch(pair):
    return OperatorWatch(pair.files)


@pytest.fixture
def heard(caplog):
    caplog.set_level(logging.INFO, "node.quic.tls.certificate_watch")

    def texts():
        found = [(record.message, getattr(record, "error", None)) for record in caplog.records]
        caplog.clear()
        return found

    return texts


def looks(watch, count=2):
    """What so many looks replaced."""
    taken = []
    for _ in range(count):
        watch.look(taken.append)
    return [one.leaf for one in taken]


def test_files_that_stay_are_never_read_again(watch, pair, monkeypatch):
    monkeypatch.setattr(OperatorFiles, "load", lambda _: pytest.fail("read"))
    assert looks(watch, 3) == []


def test_a_change_is_taken_once_it_holds_still(watch, pair, heard):
    pair.write(pair.new, NEW)
    assert looks(watch, 1) == []
    assert looks(watch, 3) == [pair.new]
    assert heard() == [("the certificate was changed", None)]


def test_a_pair_that_does_not_match_is_told_once_and_taken_when_it_does(watch, pair, heard):
    pair.write(pair.new)
    assert looks(watch, 5) == []
    [(message, error)] = heard()
    assert message == "the changed certificate cannot be used; the old one stays"
    assert "does not belong to the first certificate" in error
    pair.write(private=NEW)
    assert looks(watch) == [pair.new]


def test_every_state_between_two_files_keeps_the_old_one(watch, pair, heard):
    whole = pair.files.certificate.read_bytes()
    pair.files.certificate.write_bytes(whole[:100])
    assert looks(watch) == []
    pair.files.certificate.unlink()
    assert looks(watch) == []
    pair.write(pair.new)
    pair.write(private=NEW, mode=0o644)
    assert looks(watch) == []
    problems = ("holds no certificate", "there is no such file", "may be read by others")
    for problem, (_, error) in zip(problems, heard(), strict=True):
        assert problem in error
    pair.files.key.chmod(0o600)
    assert looks(watch) == [pair.new]


@pytest.mark.parametrize(("begin", "end", "words"), [(-DAY, -HOUR, "has expired"), (HOUR, DAY, "is not valid before")])
def test_a_new_certificate_that_is_out_of_time_is_not_taken(watch, pair, heard, begin, end, words):
    pair.write(certificate(OLD, begin=begin, end=end))
    assert looks(watch, 3) == []
    [(_, error)] = heard()
    assert words in error


def test_a_replaced_link_is_a_change(tmp_path, pair):
    """As certbot does it: `live/` holds links whose targets change."""
    first, second = tmp_path / "1", tmp_path / "2"
    for folder, leaf, private in ((first, pair.old, OLD), (second, pair.new, NEW)):
        folder.mkdir()
        put(folder / "chain.pem", leaf)
        put(folder / "key.pem", private)
    live = tmp_path / "live"
    live.symlink_to(first)
    watch = OperatorWatch(OperatorFiles(live / "chain.pem", live / "key.pem"))
    (tmp_path / "next").symlink_to(second)
    (tmp_path / "next").rename(live)
    assert looks(watch) == [pair.new]


def test_a_change_of_same_size_and_time_is_seen(watch, pair):
    status = pair.files.certificate.stat()
    pair.write(pair.new, NEW)
    os.utime(pair.files.certificate, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert looks(watch) == [pair.new]


def test_wrong_files_at_the_start_are_an_error(pair):
    pair.write(pair.new)
    with pytest.raises(KeyFileError, match="does not belong"):
        OperatorWatch(pair.files)
    pair.files.certificate.unlink()
    with pytest.raises(KeyFileError, match=r"chain\.pem: there is no such file"):
        OperatorWatch(pair.files)


def test_an_expired_certificate_at_the_start_is_told_and_served(pair, heard):
    """The peers, who never look at it, must not lose the node over it."""
    leaf = certificate(OLD, begin=-DAY, end=-HOUR)
    pair.write(leaf)
    assert OperatorWatch(pair.files).certified.leaf == leaf
    [(message, error)] = heard()
    assert (message, "has expired" in error) == ("the certificate is served all the same", True)


def test_the_end_of_what_is_served_is_told_before_it_comes_and_when_it_has_come(watch, pair, heard):
    begin, end = pair.old.not_valid_before_utc, pair.old.not_valid_after_utc
    for part in (0.5, 0.7, 0.8, 0.9, 1.01, 1.5):
        watch.look(lambda _: pytest.fail("replaced"), begin + part * (end - begin))
    told = [error for message, error in heard() if message == "the certificate is served all the same"]
    assert [
        f"{pair.files.certificate}: expires on {end:%Y-%m-%d %H:%M} UTC",
        f"{pair.files.certificate}: has expired on {end:%Y-%m-%d}",
    ] == told


def test_one_that_lives_for_long_is_spoken_of_two_weeks_before_its_end(pair, heard):
    pair.write(certificate(OLD, begin=-DAY, end=365 * DAY))
    watch = OperatorWatch(pair.files)
    end = watch.certified.leaf.not_valid_after_utc
    for left in (15 * DAY, 13 * DAY):
        watch.look(lambda _: None, end - left)
    [(_, error)] = heard()
    assert "expires on" in error


def test_a_new_certificate_is_spoken_of_anew(watch, pair, heard):
    later = pair.old.not_valid_after_utc + HOUR
    watch.look(lambda _: None, later)
    pair.write(certificate(OLD, begin=-HOUR, end=90 * DAY))
    for _ in range(3):
        watch.look(lambda _: None, later)
    assert [message for message, _ in heard()] == [
        "the certificate is served all the same",
        "the certificate was changed",
    ]


def test_a_file_that_was_only_touched_is_no_news(watch, pair, heard):
    pair.files.certificate.touch()
    assert looks(watch, 3) == [pair.old]
    assert heard() == []


def test_who_asks_need_not_wait_and_is_told_again_what_is_wrong(watch, pair, heard):
    taken = []
    pair.write(pair.new)
    for _ in range(2):
        watch.look(taken.append, asked=True)
    watch.look(taken.append)
    assert [message for message, _ in heard()] == 2 * ["the changed certificate cannot be used; the old one stays"]
    pair.write(private=NEW)
    watch.look(taken.append, asked=True)
    assert [one.leaf for one in taken] == [pair.new]


def test_the_self_made_certificate_is_renewed_while_the_node_runs(tmp_path, heard):
    watch = PassingWatch(tmp_path / "node_certificate.pem")
    old = watch.certified
    soon_over = old.leaf.not_valid_after_utc - RENEWAL + datetime.timedelta(hours=1)
    taken = []
    watch.look(taken.append)
    watch.look(taken.append, soon_over)
    watch.look(taken.append, soon_over)
    assert [one.leaf.public_key() for one in taken] == [old.leaf.public_key()]
    assert taken[0].fingerprint != old.fingerprint
    assert heard() == [("the node's own certificate was renewed", None)]


@contextlib.asynccontextmanager
async def serving(folder, files, *, every=0.01):
    key = NodeKey.generate()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(certificate_watch, "POLL_S", every)
        certificates = Certificates(key, folder / "node_certificate.pem", files)
    listener = await QuicListener.bind("127.0.0.1", 0, key=key, alpns=[ALPN], credentials=certificates.credentials)
    server = Server(listener, key)
    watching = asyncio.create_task(certificates.watch())
    try:
        yield server, certificates
    finally:
        watching.cancel()
        for client in server.clients:
            client.close()
        await listener.close()


async def test_new_handshakes_see_the_new_certificate_and_old_connections_live_on(tmp_path, pair):
    async with serving(tmp_path, pair.files) as (server, certificates):
        client = await server.dial(pin=sha256_of(pair.old))
        accepted = (await server.accepted()).connection
        pair.write(pair.new)
        await asyncio.sleep(0.05)
        await server.dial(pin=sha256_of(pair.old))
        await server.accepted()
        pair.write(private=NEW)
        await settled(lambda: certificates.credentials.operator.leaf == pair.new)
        await server.dial(pin=sha256_of(pair.new))
        await server.dial()
        stream = await client.open_bi()
        await stream.write(b"still here")
        stream.finish()
        assert await soon(read_all(await accepted.accept_bi())) == b"still here"
        assert engine_of(client).handshake.peer_key.fingerprint == sha256_of(pair.old)


async def test_the_files_are_looked_at_when_somebody_asks(tmp_path, pair):
    async with serving(tmp_path, pair.files, every=600) as (_, certificates):
        pair.write(pair.new, NEW)
        await asyncio.sleep(0.02)
        assert certificates.credentials.operator.leaf == pair.old
        certificates.ask()
        await settled(lambda: certificates.credentials.operator.leaf == pair.new)
