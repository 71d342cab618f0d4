"""Two node processes that are linked by their settings: who dials whom, what is taken, and what becomes of it."""

import asyncio
from pathlib import Path

from bench.abort import install
from tests.support.chain import LINK, link_of, status, unlinked
from tests.support.node_process import NodeProcess, peer_table, running

DIALLED = '[nodes.hub]\naddress = "{address}"\nfingerprint = "{fingerprint}"\n'
AWAITED = '[nodes.worker.import]\noperations = ["worker/*"]\nnamespace_prefix = "far"\n'
PEER = '[[peers]]\npeer_id = "{name}"\nfingerprints = ["{fingerprint}"]\n'


async def offered_by_peers(hub: NodeProcess, place: Path) -> dict[str, list[str]]:
    """What the hub lists of its peers for a caller without rights."""
    async with hub.connect(place / "somebody") as client:
        peers = (await client.call("services/list-peers"))["peers"]
    return {peer["peer_id"]: [entry["name"] for entry in peer["operations"]] for peer in peers[1:]}


async def test_a_worker_that_dials_is_imported_from_once_it_is_a_peer_and_only_while_it_is_wanted(
    tmp_path: Path,
) -> None:
    peers = tmp_path / "peers.toml"
    peers.write_text("")
    install(tmp_path / "site", "worker")
    known = {"ALKNET_NODE__PEERS_FILE": str(peers)}
    async with (
        running(tmp_path / "hub", ALKNET_CALL__LIST_PEERS="true", **known) as hub,
        running(tmp_path / "worker", PYTHONPATH=str(tmp_path / "site"), **known) as worker,
    ):
        hub.follow(AWAITED)
        worker.follow(DIALLED.format(**hub.facts))
        await link_of(worker, "hub", state="connected", operations=0)
        await link_of(hub, "worker", state="awaited", operations=0)
        assert await offered_by_peers(hub, tmp_path) == {}, "a stranger is nobody, whatever it offers"
        await _becomes_a_peer(hub, worker, peers)
        assert await offered_by_peers(hub, tmp_path) == {
            "worker": ["far/worker/wait", "far/worker/echo", "far/worker/mark"]
        }
        facts = await status(hub)
        assert (facts["metrics"]["nodes.connected"], facts["metrics"]["nodes.imports"]) == (1, 1)
        hub.follow("")
        await unlinked(hub)
        assert await offered_by_peers(hub, tmp_path) == {}
        await _wrong_links(hub, worker)


async def _becomes_a_peer(hub: NodeProcess, worker: NodeProcess, peers: Path) -> None:
    """Its connection stays, and is another's from now on."""
    peers.write_text(PEER.format(name="worker", **worker.facts))
    hub.follow(AWAITED)
    await link_of(hub, "worker", state="connected", operations=3)
    assert "link lost" not in worker.text()


async def _wrong_links(hub: NodeProcess, worker: NodeProcess) -> None:
    """Another key than the pinned one, and a node's own."""
    address = worker.facts["address"]
    pinned = "ed25519:" + "ab" * 32
    own = hub.facts["fingerprint"]
    hub.follow(
        LINK.format(name="other", address=address, fingerprint=pinned)
        + LINK.format(name="self", address=address, fingerprint=own)
    )
    other = await link_of(hub, "other", state="refused")
    assert other["error"] == f"the node shows {worker.facts['fingerprint']}, not the pinned {pinned}"
    assert "own" in (await link_of(hub, "self", state="refused"))["error"]
    await asyncio.sleep(0.5)
    assert (await status(hub))["metrics"]["nodes.pin_mismatches"] == 1
    assert hub.text().count("another node answers") == 1


async def test_a_dialled_node_is_a_peer_here_like_any_other(tmp_path: Path) -> None:
    """Its requests by our connection, and an end to that connection, go by the list of peers."""
    peers = tmp_path / "peers.toml"
    peers.write_text(peer_table(tmp_path / "ann", "ann"))
    known = {"ALKNET_NODE__PEERS_FILE": str(peers)}
    install(tmp_path / "site", "worker")
    async with (
        running(tmp_path / "hub", PYTHONPATH=str(tmp_path / "site"), **known) as hub,
        running(tmp_path / "worker", **known) as worker,
    ):
        peers.write_text(PEER.format(name="known", **worker.facts) + PEER.format(name="hub", **hub.facts))
        worker.follow('[nodes.hub.import]\noperations = ["worker/*"]\n')
        hub.follow(DIALLED.format(**worker.facts).replace("hub", "named-here"))
        await link_of(worker, "hub", state="connected", operations=3)
        await link_of(hub, "named-here", state="connected", operations=0)
        peers.write_text("")
        hub.follow("log.level = 'info'\n" + DIALLED.format(**worker.facts).replace("hub", "named-here"))
        await hub.says("enforced")
        await hub.says("link lost")
        await link_of(hub, "named-here", state="connected")
        assert (await status(hub))["metrics"]["nodes.dialled"] == 2
