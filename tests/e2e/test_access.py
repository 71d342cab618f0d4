"""The access tester against a running node: the same questions, the same answers; and a grant that bites at its end."""

import asyncio
import contextlib
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from node.core.connection import CLOSE_LOCKED, CLOSE_REVOKED
from node.core.errors import StreamError
from node.handlers.call.errors import CallError
from node.quic.tls.keys import load_or_create_node_key
from tests.support import warm
from tests.support.appliance import alknet, environment
from tests.support.eventually import within
from tests.support.guarded import OPERATIONS, install, tried
from tests.support.migrated import migrated
from tests.support.node_process import NodeProcess, running

PEERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "reader": {"scopes": ["git:read"], "resources": {"repo": ["web"]}},
    "whole": {"scopes": ["git:read", "git:write"], "resources": {"repo": ["web", "docs"]}},
    "granted": {"scopes": ["git:read"]},
    "ended": {"scopes": ["git:read"]},
    "off": {"scopes": ["git:read", "git:write"], "enabled": False},
    "over": {"scopes": ["git:read", "git:write"]},
    "held": {"scopes": ["git:read", "git:write"]},
    "stranger": {},
}
"""The last one has a key, and no entry."""
_PREPARE = """
import json, sys, time
from apps.access import services as access
from apps.access.models import Grant
from apps.audit.actors import Actor, ActorKind
from apps.locks import services as locks
from apps.peers import services as peers
me, wanted = Actor(ActorKind.CLI, "tests"), json.load(sys.stdin)
for name, draft in wanted.items():
    peers.create_peer(actor=me, draft={"peer_id": name, **draft})
end = time.time() + 3600
docs = {"resource_type": "repo", "resource": "docs"}
access.grant_access(actor=me, peer_id="granted", scopes=["git:write"], expires_at=end, **docs)
access.grant_access(actor=me, peer_id="ended", scopes=["git:write"], expires_at=end)
Grant.objects.filter(peer_id="ended").update(expires_at=time.time())
peers.set_peer_expiry(actor=me, peer_id="over", expires_at=5.0)
locks.lock(actor=me, target_kind="peer", target="held", reason="")
"""
_ASK = """
import json, sys
from apps.access import selectors
from apps.access.questions import question
keys, asked = json.load(sys.stdin)
def may(key, what):
    return selectors.check(question(who=key, alpn="alknet/call", **what)).allowed
print(json.dumps({who: {name: may(key, what) for name, what in asked.items()} for who, key in keys.items()}))
"""


class Box:
    """A data directory, and what is run there."""

    def __init__(self, folder: Path) -> None:
        self.data, self.keys = folder / "data", {name: folder / f"{name}.key" for name in PEERS}
        self.fingerprints = {name: load_or_create_node_key(path).fingerprint for name, path in self.keys.items()}
        self.path = install(folder / "installed")

    def run(self, *arguments: str) -> str:
        done = alknet(*arguments, env=environment(ALKNET_DATA=str(self.data)))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def script(self, code: str, given: Any) -> str:
        """Run `code` in the panel's Python, with this on its standard input as JSON."""
        program = self.data.parent / "program.py"
        program.write_text(f"import django; django.setup()\n{code}")
        env = environment(
            ALKNET_DATA=str(self.data), DJANGO_SETTINGS_MODULE="alknet_site.settings", PYTHONPATH=str(warm.ROOT)
        )
        command = [warm.python(), str(program)]
        done = subprocess.run(
            command, input=json.dumps(given), env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def what_the_node_lets(node: NodeProcess, key: Path) -> dict[str, bool]:
    """Of a peer that is held back, nothing."""
    try:
        async with node.connect(key) as client:
            return await tried(client)
    except (StreamError, CallError) as error:
        cause = error.__cause__ or error
        assert getattr(cause, "code", None) == CLOSE_LOCKED, error
        return dict.fromkeys(OPERATIONS, False)


async def test_the_tester_and_a_running_node_answer_alike(box: Box) -> None:
    migrated(box.data)
    drafts = {name: {"keys": [box.fingerprints[name]], **draft} for name, draft in PEERS.items() if name != "stranger"}
    box.script(_PREPARE, drafts)
    told = json.loads(box.script(_ASK, [box.fingerprints, OPERATIONS]))
    async with running(box.data, PYTHONPATH=box.path) as node:
        done = {name: await what_the_node_lets(node, key) for name, key in box.keys.items()}
    assert done == told
    assert [sum(done[name].values()) for name in ("granted", "ended", "held", "stranger")] == [6, 2, 0, 1]


async def test_a_grant_opens_what_it_names_and_closes_what_it_carried(box: Box) -> None:
    box.run("peer", "add", "granted", "--key", box.fingerprints["granted"], "--scope", "git:read")
    serving = running(box.data, PYTHONPATH=box.path)
    key = box.keys["granted"]
    async with serving as node, node.connect(key) as used, node.connect(key) as quiet:
        assert not (await tried(used))["guarded/write"]
        made = json.loads(box.run("access", "grant", "granted", "--scope", "git:write", "--for", "4s", "--json"))
        async with contextlib.aclosing(used.subscribe("guarded/stream")) as items:
            assert await within(anext(items)) == "on"
            end = await within(used.connection.wait_closed())
        assert (end.code, end.reason) == (CLOSE_REVOKED, "revoked: grant ended")
        assert time.time() >= made["expires_at"]
        assert (await tried(quiet)) == {name: name in ("guarded/anybody", "guarded/read") for name in OPERATIONS}
        made = json.loads(box.run("access", "grant", "granted", "--scope", "git:write", "--for", "1h", "--json"))
        async with asyncio.timeout(60):
            while not (await tried(quiet))["guarded/write"]:
                await asyncio.sleep(0.05)
        box.run("access", "revoke", made["id"])
        end = await within(quiet.connection.wait_closed())
        assert (end.code, end.reason) == (CLOSE_REVOKED, "revoked: grant ended")


def test_the_commands_of_peers_keep_to_assertions(box: Box) -> None:
    """They run without the panel, and so without what only the panel would load."""
    box.run("peer", "add", "ci", "--key", box.fingerprints["plain"], "--scope", "git:read")
    box.run("access", "assert", "ci", "--scope", "git:read")
    done = alknet("peer", "remove", "ci", env=environment(ALKNET_DATA=str(box.data)))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "It is asserted that ci must keep git:read" in done.stderr
