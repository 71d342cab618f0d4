"""Who may sign in, by what, and how often; and what is told of it."""

import asyncio
import logging
from typing import Any

import asyncssh
import pytest

from bench.ssh_tunnel import Tunnel
from node.core.errors import StreamError
from node.core.journal import EventKind
from node.handlers.ssh import acceptor
from node.handlers.ssh.errors import NoHostKey, ShapeChanged
from node.handlers.ssh.guarded import MAX_BEFORE_SIGN_IN
from node.handlers.ssh.limits import SshSettings
from node.quic.tls.keys import NodeKey
from tests.support.quic import settled, soon
from tests.support.ssh import ME, SshNode, named, ssh_node


def attempts(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [
        (record.user, record.key_fingerprint, record.result)  # type: ignore[attr-defined]
        for record in caplog.records
        if record.getMessage() == "auth attempt"
    ]


async def test_a_peers_key_signs_in_whatever_the_user_is_called_and_the_host_shows_its_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with ssh_node() as node:
        async with node.client() as ann:
            shown = ann.get_server_host_key().export_public_key().decode().split()[1]
            raw = node.host_key.public_key().public_bytes_raw()
            assert asyncssh.import_public_key(f"ssh-ed25519 {shown}").public_data.endswith(raw)
            assert (await soon(ann.run("true"))).exit_status == 0
        assert attempts(caplog) == [("any", node.ann.get_fingerprint(), "accept")]
        await settled(lambda: node.handler.snapshot()["connections"] == 0)


@pytest.mark.parametrize("way", ["client", "client_over_tcp"])
async def test_the_connection_is_shown_as_the_peers_that_has_signed_in_and_is_cut_as_its(way: str) -> None:
    async with ssh_node() as node:
        async with getattr(node, way)() as ann:
            await settled(lambda: node.endpoint.connections.of_peer("ann"))
            [live] = node.endpoint.connections.of_peer("ann")
            assert live.shown == ("ann", named(node.ann))
            [event] = node.journal.of(EventKind.SIGNED_IN)
            assert (event.peer_id, event.fingerprint, event.connection) == ("ann", named(node.ann), live.id)
            assert node.endpoint.disconnect(node.endpoint.connections.of_peer("ann"), "enough") == 1
            await soon(ann.wait_closed())
        await settled(lambda: node.journal.of(EventKind.CLOSED))
        [closed] = node.journal.of(EventKind.CLOSED)
        assert (closed.peer_id, closed.fingerprint, closed.reason) == ("ann", named(node.ann), "enough")
        assert node.endpoint.connections.peers == 0


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"])
async def test_other_keys_do_not_and_each_is_told(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    stranger = asyncssh.generate_private_key(kind)
    async with ssh_node() as node:
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(node.client(stranger).__aenter__())
    assert attempts(caplog) == [("any", stranger.get_fingerprint(), "reject")]


async def test_the_key_of_the_handshake_below_signs_nobody_in() -> None:
    async with ssh_node() as node:
        below = NodeKey.generate()
        await node.know("ssh:exec:*", name="bob", key=asyncssh.import_private_key(_pem(below)))
        tunnel = Tunnel(await node.dial(below))
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(
                asyncssh.connect(
                    "node", 22, tunnel=tunnel, username="bob", known_hosts=None, config=None,
                    client_keys=[asyncssh.generate_private_key("ssh-ed25519")], agent_path=None,
                )
            )  # fmt: skip


async def test_no_other_method_is_offered_or_taken() -> None:
    async with ssh_node() as node:
        methods = await soon(
            asyncssh.get_server_auth_methods("node", 22, username="any", tunnel=Tunnel(await node.dial()))
        )
        assert methods == ["publickey"]
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(node.client(client_keys=None, password="x").__aenter__())


async def test_a_key_that_is_asked_about_and_not_proven_signs_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with ssh_node() as node:
        with pytest.raises(asyncssh.PermissionDenied):
            await soon(node.client(WrongSigner(node.ann)).__aenter__())
        await settled(lambda: attempts(caplog))
        assert {result for _, _, result in attempts(caplog)} == {"reject"}
        assert node.handler.snapshot()["connections"] == 0


async def test_too_many_keys_end_the_connection_and_are_told_to_the_journal() -> None:
    strangers = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(5)]
    async with ssh_node(max_attempts=3) as node:
        with pytest.raises(asyncssh.DisconnectError) as ended:
            await soon(node.client(client_keys=[*strangers, node.ann]).__aenter__())
        assert "too many keys" in str(ended.value)
        await settled(lambda: node.handler.snapshot()["waiting"] == 0)
        assert node.handler.snapshot()["rejected"] == 3
        [event] = node.journal.of(EventKind.REFUSED)
        assert event.detail["rule"] == "ssh sign-in"


async def test_a_key_that_is_nobodys_is_named_in_the_journal() -> None:
    other, old = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    async with ssh_node() as node:
        for key, why in ((other, "no peer has the key {}"), (old, "{} is not an Ed25519 key")):
            with pytest.raises(asyncssh.PermissionDenied):
                await soon(node.client(key).__aenter__())
            await settled(lambda: node.handler.snapshot()["waiting"] == 0)
            assert node.journal.of(EventKind.REFUSED)[-1].reason == why.format(key.get_fingerprint())
        async with node.client(client_keys=[other, node.ann]):
            pass
        assert len(node.journal.of(EventKind.REFUSED)) == 2


async def test_a_peer_has_so_many_connections_and_no_more() -> None:
    async with ssh_node(max_connections=1) as node:
        async with node.client():
            with pytest.raises((asyncssh.DisconnectError, asyncssh.ChannelOpenError, OSError)):
                async with node.client() as second:
                    await soon(second.run("true"))
            [event] = node.journal.of(EventKind.REFUSED)
            assert (event.peer_id, event.detail["rule"]) == ("ann", "ssh.max_connections")
        await settled(lambda: node.handler.snapshot()["connections"] == 0)
        async with node.client() as third:
            assert (await soon(third.run("true"))).exit_status == 0


async def test_who_does_not_sign_in_in_time_is_cut_off() -> None:
    async with ssh_node(login_timeout=0.1) as node:
        silent, slow = await node.dial(), await node.dial()
        stream = await slow.open_bi()
        await stream.write(b"SSH-2.0-slow\r\n")
        await soon(asyncio.gather(silent.wait_closed(), slow.wait_closed()))
        await settled(lambda: node.handler.snapshot()["waiting"] == 0)


async def test_who_sends_much_before_signing_in_is_cut_off() -> None:
    async with ssh_node() as node:
        stream = await (client := await node.dial()).open_bi()
        await stream.write(b"SSH-2.0-x\r\n")
        with pytest.raises(StreamError):
            while True:
                await soon(stream.write(bytes(MAX_BEFORE_SIGN_IN)))
        await soon(client.wait_closed())


async def test_too_many_that_have_not_signed_in_are_turned_away() -> None:
    async with ssh_node(max_waiting=1) as node:
        first = await node.dial()
        await settled(lambda: node.handler.snapshot()["waiting"] == 1)
        second = await node.dial()
        await soon(second.wait_closed())
        assert node.handler.snapshot()["busy"] == 1
        first.close()


async def test_who_fills_the_places_of_those_that_wait_gives_them_up_to_others() -> None:
    async with ssh_node(max_waiting=3) as node:
        silent = [await node.dial() for _ in range(3)]
        await settled(lambda: node.handler.snapshot()["waiting"] == 3)
        connections, elsewhere = node.handler._connections, ("192.0.2.1", 1)
        assert not connections.has_room(("127.0.0.1", 1), 3)
        assert connections.has_room(elsewhere, 3)
        await soon(silent[0].wait_closed())
        assert node.handler.snapshot()["waiting"] == 2
        assert connections.has_room(elsewhere, 2)
        assert not connections.has_room(("2001:db8::1", 1), 1), "one place each"


async def test_a_node_without_a_host_key_serves_nobody_and_goes_on() -> None:
    def locked() -> Any:
        raise NoHostKey("the vault is locked")

    async with ssh_node() as node:
        key, node.handler._host_key = node.handler._host_key, locked
        await soon((await node.dial()).wait_closed())
        node.handler._host_key = key
        async with node.client() as ann:
            assert (await soon(ann.run("true"))).exit_status == 0
        node.handler._host_key = locked
        node.handler._settings.value = SshSettings(programs=("/bin/echo",), user=ME)
        async with node.client() as ann:
            assert (await soon(ann.run("echo on"))).stdout == "on\n"


def test_another_asyncssh_serves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    acceptor.require_shape()
    monkeypatch.setattr(asyncssh, "__version__", "3.0.0")
    with pytest.raises(ShapeChanged):
        acceptor.require_shape()
    monkeypatch.undo()
    monkeypatch.setattr(asyncssh.SSHServerChannel, "_process_env_request", lambda self, other: True)
    with pytest.raises(ShapeChanged):
        SshNode(acceptor.SshSettings(), {})


def test_a_connection_that_would_take_passwords_is_not_made() -> None:
    class Made:
        _password_auth = True

    with pytest.raises(ShapeChanged):
        acceptor._require_shut(Made())


def test_what_asyncssh_says_is_not_logged() -> None:
    assert not logging.getLogger("asyncssh").isEnabledFor(logging.CRITICAL)


def _pem(key: NodeKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


class WrongSigner(asyncssh.SSHKeyPair):
    """A peer's public key, with signatures of another."""

    _key_type = "wrong"

    def __init__(self, key: asyncssh.SSHKey) -> None:
        super().__init__(b"ssh-ed25519", b"ssh-ed25519", (b"ssh-ed25519",), (b"ssh-ed25519",), key.public_data, b"")
        self._other = asyncssh.generate_private_key("ssh-ed25519")

    def sign(self, data: bytes) -> bytes:
        return self._other.sign(data, b"ssh-ed25519")


CHACHA = {"encryption_algs": ["chacha20-poly1305@openssh.com"]}


async def test_chacha20_is_for_dropbear_alone_and_for_it_with_strict_key_exchange(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dropbear = {**CHACHA, "client_version": "dropbear_2022.83"}
    async with ssh_node() as node:
        with pytest.raises(asyncssh.KeyExchangeFailed):
            await soon(node.client(**CHACHA).__aenter__())
        async with node.client(**dropbear) as ann:
            assert (await soon(ann.run("true"))).exit_status == 0
        unaware = {
            "_get_extra_kex_algs": lambda _: [b"ext-info-c"],
            "_strict_kex": property(lambda _: False, lambda _, __: None),
        }
        for name, made in unaware.items():
            monkeypatch.setattr(asyncssh.SSHClientConnection, name, made, raising=False)
        with pytest.raises(asyncssh.DisconnectError, match="strict key exchange"):
            await soon(node.client(**dropbear).__aenter__())
        async with node.client() as ann:
            assert (await soon(ann.run("true"))).exit_status == 0
