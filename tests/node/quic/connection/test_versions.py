"""Which version of QUIC two ends settle on (RFC 9368, RFC 9369)."""

import asyncio

import pytest

from node.core.errors import HandshakeError
from node.quic.client import outgoing
from node.quic.engine import engine as engine_module
from tests.support.quic import echo, engine_of, read_all, serving, soon

V1, V2 = 1, 0x6B3343CF
UNKNOWN = 0x1A2A3A4A


@pytest.fixture
def dialling(monkeypatch):
    """Have dials offer these versions, best first; begin with `first` where that is not the best."""

    def set_versions(*versions, first=None):
        configuration = engine_module.configuration

        def configured(*arguments, **options):
            made = configuration(*arguments, **options)
            made.supported_versions, made.original_version = list(versions), first
            return made

        monkeypatch.setattr(outgoing, "configuration", configured)

    return set_versions


async def settled_version(server):
    """The version of a fresh connection on which one stream was echoed."""
    client, accepted = await server.pair()
    echoing = asyncio.create_task(echo(accepted))
    stream = await client.open_bi()
    await stream.write(b"which?")
    stream.finish()
    assert await soon(read_all(stream)) == b"which?"
    version = engine_of(client)._version
    assert engine_of(accepted)._version == version
    client.close()
    await soon(echoing)
    return version


async def test_our_dialler_speaks_version_1():
    async with serving() as server:
        assert await settled_version(server) == V1


@pytest.mark.parametrize(
    ("versions", "first", "wanted"),
    [
        ((V2,), None, V2),
        ((V2, V1), None, V2),
        ((V1, V2), None, V1),
        ((V2, V1), V1, V2),
        ((V1, V2), V2, V1),
        ((UNKNOWN, V2), None, V2),
        ((UNKNOWN, V1), None, V1),
    ],
    ids=["v2-alone", "v2-best", "v1-best", "v1-to-v2", "v2-to-v1", "unknown-to-v2", "unknown-to-v1"],
)
@pytest.mark.parametrize("retry_above", [100, 0], ids=["no-retry", "retry"])
async def test_the_client_s_best_version_of_ours_is_taken(dialling, versions, first, wanted, retry_above):
    dialling(*versions, first=first)
    async with serving(retry_above=retry_above) as server:
        assert await settled_version(server) == wanted
        assert server.listener.metrics.retried == (retry_above == 0)


async def test_a_client_of_other_versions_is_told_ours_and_gives_up(dialling):
    dialling(UNKNOWN)
    async with serving() as server:
        with pytest.raises(HandshakeError, match="common protocol version"):
            await server.dial()
        assert not server.links


async def test_a_refusal_reaches_a_client_of_version_2(dialling):
    dialling(V2)
    async with serving() as server:
        server.listener.stop_accepting()
        with pytest.raises(HandshakeError, match=r"\(connection refused, code 0x2\)"):
            await server.dial()
