"""Fill the database of a running appliance as a year of use would: long names, many rows, everything in every state.

Run as `python -m tests.support.screens.filling NODE_ADDRESS NODE_FINGERPRINT IDENTITY_KEY` with ALKNET_DATA set. It
prints one JSON object: of what each kind of page can be about, by the beginning of its route; and a code that admits.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - after the apps are there

from apps.access import services as access  # noqa: E402
from apps.accounts import services as accounts  # noqa: E402
from apps.accounts.rights import Role  # noqa: E402
from apps.audit.actors import Actor, ActorKind  # noqa: E402
from apps.backups import services as backups  # noqa: E402
from apps.backups.models import Way  # noqa: E402
from apps.credentials import services as credentials  # noqa: E402
from apps.enrolment import services as invites  # noqa: E402
from apps.forwarding import services as forwarding  # noqa: E402
from apps.locks import services as locks  # noqa: E402
from apps.panel.saved import services as saved  # noqa: E402
from apps.peers import services as peers  # noqa: E402
from apps.tokens import services as tokens  # noqa: E402
from node.core.capabilities import Secret  # noqa: E402
from tests.support.panel import fingerprint  # noqa: E402

ANN = Actor(ActorKind.CLI, "ann.von.hohenstein")
DAY = 86_400
LONG = "build-worker-eu-central-1a-nightly-release-candidate-0007"
"""A peer whose name is as long as names get in fleets."""
NOTE = "Stands in the rack on the left. Ask Bob before it is moved. " * 3
SCOPES = ["fs:read", "fs:write", "git:read", "git:write", "ssh:forward:*:22", "call:echo", "msg:send", "dns:query"]


def fill_peers(key: str) -> None:
    """`laptop` has the key of a client that is connected; the others have every trait that a peer can have."""
    rooms = ["desk", "lamp", "printer", "nas", "camera", "router", "kiosk", "sensor"]
    for number, room in enumerate(rooms * 4):
        name = f"{room}-{number // len(rooms) + 1}"
        scopes = SCOPES[: number % 5]
        peers.create_peer(
            actor=ANN,
            draft={"peer_id": name, "keys": [fingerprint(name)], "scopes": scopes, "enabled": number % 7 != 6},
        )
    first = {"display_name": "Ann’s laptop, the one with the sticker of the lighthouse", "scopes": SCOPES}
    first |= {"resources": {"repo": ["web", "infrastructure-as-code", "handbook"], "volume": ["*"]}}
    peers.create_peer(actor=ANN, draft={"peer_id": "laptop", "keys": [key], **first})
    many = {"keys": [fingerprint(f"{LONG} {number}") for number in range(4)], "scopes": SCOPES}
    peers.create_peer(actor=ANN, draft={"peer_id": LONG, "display_name": "Nightly builds", **many})
    peers.set_peer_notes(
        actor=ANN, peer_id=LONG, notes="Stands in the rack on the left. Ask Bob before it is moved. " * 3
    )
    peers.set_peer_expiry(actor=ANN, peer_id=LONG, expires_at=time.time() + 3 * DAY)
    peers.set_peer_expiry(actor=ANN, peer_id="lamp-1", expires_at=time.time() - DAY)
    peers.issue_peer_token(actor=ANN, peer_id="nas-1")
    peers.rotate_key(
        actor=ANN, peer_id="desk-1", old=fingerprint("desk-1"), new=fingerprint("the next"), overlap_seconds=DAY
    )
    peers.update_peer(actor=ANN, peer_id="desk-2", changes={"peer_id": "desk-by-the-window"})


def fill_keys() -> str:
    """API keys that hold, that end, and that have ended; the prefix of one."""
    for text, days in (("the dashboard in the hall", 90), ("old importer, to be removed", 1), ("", None)):
        end = None if days is None else int(time.time() + days * DAY)
        made = peers.create_api_key(actor=ANN, description=text, scopes=SCOPES[:3], expires_at=end)
    return made.entry.prefix


def fill_locks() -> str:
    locks.lock(actor=ANN, target_kind="peer", target="camera-1", reason="its firmware is from 2019; see the ticket")
    locks.lock(actor=ANN, target_kind="alpn", target="alknet/dns", reason="", expires_at=time.time() + 3600)
    placed = locks.lock(
        actor=ANN,
        target_kind="scope",
        target="fs:write",
        reason="until the disk is mended",
        message="read only today",
        expires_at=time.time() + 2 * DAY,
    )
    return placed.lock_id


def fill_invites(address: str, node: str) -> tuple[str, str]:
    """Invitations in every state; the number of one, and a code for two machines that wait to be approved."""
    make = {"actor": ANN, "address": address, "node": node}
    revoked = invites.create_invite(**make, note="made by mistake")
    invites.revoke_invite(actor=ANN, invite_id=revoked.facts.invite_id)
    invites.create_invite(**make, peer_id="tablet", scopes=["fs:read"], seconds=7 * DAY, needs_approval=False)
    waiting = invites.create_invite(
        **make, uses=5, scopes=SCOPES, resources={"repo": ["web"]}, note="the workshop on Thursday, five machines"
    )
    return waiting.facts.invite_id, waiting.code.text()


def fill_users() -> None:
    for name, role in (("bob", Role.OPERATOR), ("carol.of.the.accounts", Role.AUDITOR), ("guest", Role.VIEWER)):
        accounts.create_user(actor=ANN, username=name, role=role, password="correct horse battery")
    accounts.create_user(actor=ANN, username="trainee", role=None, password="correct horse battery")
    accounts.change_user(actor=ANN, username="guest", enabled=False)


def fill_backups() -> None:
    """One that failed; the appliance makes one that did not."""
    row = backups.begin(actor=ANN, way=Way.SHELL, file=Path("/mnt/offsite/alknet-2026-07-31.backup"), encrypted=True)
    backups.fail(actor=ANN, backup=row, reason="No space left on device")


def fill(address: str, node: str, key: str) -> dict[str, Any]:
    fill_users()
    fill_peers(key)
    for provider in ("openai", "backblaze-b2-of-the-offsite-backup", "smtp.example.org"):
        credentials.set_credential(actor=ANN, provider=provider, content=Secret(f"sk-{provider}"))
    networks = ["10.0.0.0/8", "2001:db8::/32"]
    token = tokens.create_token(actor=ANN, name="backups", rights=["peers:read", "backups:write"], networks=networks)
    soon = {"owner": "bob", "expires_at": int(time.time()) + DAY}
    tokens.create_token(actor=ANN, name="terraform-of-the-platform-team", rights=["peers:write"], **soon)
    access.add_assertion(actor=ANN, who="desk-4", scopes=["msg:send"], allowed=False, reason="a kiosk in the hall")
    kept = access.add_assertion(actor=ANN, who="laptop", scopes=["git:read"], resource_type="repo", resource="web")
    given = {"peer_id": "camera-2", "scopes": ["msg:send"], "reason": "its new firmware sends a message when it is up"}
    grant = access.grant_access(actor=ANN, expires_at=time.time() + 3600, **given)
    bob = User.objects.get(username="bob")
    lit = {"query": "q=lamp", "name": "Lamps that are lit", "shared": True}
    admin = User.objects.get(username="admin")
    lamps = saved.save_filter(actor=ANN, user=admin, list_name="peer", **lit)
    forwarding.add_rule(
        actor=ANN, action="deny", target="127.0.0.0/8", note="services that trust whoever is on the machine"
    )
    many = {"principals": ["laptop", "team:databases"], "transports": ["quic", "tcp"], "directions": ["local"]}
    rule = forwarding.add_rule(actor=ANN, action="allow", target="*.databases.internal:5432..5440", **many)
    invite, code = fill_invites(address, node)
    fill_backups()
    return {
        "code": code,
        "auth/user": bob.pk,
        "panel/savedfilter": lamps.pk,
        "access/grant": grant.pk,
        "forwarding/rule": rule.pk,
        "peers/peer": "laptop",
        "peers/apikey": fill_keys(),
        "credentials/credential": "backblaze-b2-of-the-offsite-backup",
        "tokens/apitoken": token.facts.id,
        "locks/lock": fill_locks(),
        "access/assertion": kept.pk,
        "enrolment/invite": invite,
    }


if __name__ == "__main__":
    print(json.dumps(fill(*sys.argv[1:])))
