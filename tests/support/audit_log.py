"""An audit log with checkpoints, the one who tampers with it, and both who verify it."""

import base64
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from django.db import connection, transaction

from apps.audit import rows
from apps.audit.chain import GENESIS, Link, next_hash
from apps.audit.checkpoints import bad_checkpoints, marks
from apps.audit.export import export_pieces
from apps.audit.faults import Broken
from apps.audit.models import Checkpoint
from apps.audit.services import Change, record
from apps.audit.verification import Verified, verify
from node.assembly.control import signed_head
from node.quic.tls.keys import NodeKey
from tests.support.panel import ALICE

KEY = NodeKey.generate()
VERIFIER = Path(__file__).parents[2] / "docs" / "examples" / "audit" / "verify.py"


def offline() -> ModuleType:
    """The verifier of the documents."""
    spec = importlib.util.spec_from_file_location("audit_verify", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(count: int, *, since: int = 0) -> None:
    """Add rows of every shape by the one door that there is."""
    with transaction.atomic():
        record(actor=ALICE, changes=(_change(number) for number in range(since, since + count)))


def _change(number: int) -> Change:
    facts = {"peer_id": f"p{number}", "scopes": ["a:b", "c"], "deep": {"n": number, "x": [None, True, 1.5, ""]}}
    before = None if number % 3 == 0 else facts
    return Change("peer.changed", "peer", f"p{number % 4}", before, {**facts, "enabled": bool(number % 2)})


def sign(number: int, key: NodeKey = KEY) -> Checkpoint:
    """A checkpoint of a row, as the node makes one."""
    [link] = rows.read_links(number - 1, 1) if number > 1 else rows.read_links(0, 1)
    made = signed_head(key, number, link.hash)
    values = {name: getattr(made, name) for name in ("number", "hash", "fingerprint", "signed_at", "signature")}
    return Checkpoint.objects.create(pk=Checkpoint.objects.count() + 1, **values)


def replace_table(links: Iterable[Link]) -> None:
    """Have these rows in the table and no others, past everything that protects it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'alknet_audit_%%'", [])
        for (name,) in cursor.fetchall():
            cursor.execute(f'DROP TRIGGER "{name}"')
        cursor.execute("DELETE FROM audit_auditentry")
    rows.append(links)


def numbered(links: Iterable[Link]) -> list[Link]:
    """With numbers that have no gap."""
    return [link._replace(row=link.row._replace(number=number)) for number, link in enumerate(links, start=1)]


def hashed_anew(links: Iterable[Link]) -> list[Link]:
    """With hashes that hold, as far as hashes can be made."""
    previous, made = GENESIS, []
    for link in links:
        previous = next_hash(previous, link.row)
        made.append(link._replace(hash=previous))
    return made


def verified() -> Verified:
    """How the panel's own verification of the table ends."""
    *_, end = verify(marks())
    return end


def found() -> Broken | None:
    return verified().broken


def exported() -> list[str]:
    return "".join(export_pieces()).splitlines(keepends=True)


def holds_offline(lines: list[str], *keys: str) -> bool:
    """Whether the verifier of the documents finds nothing wrong with an export."""
    module = offline()
    try:
        module.verify(lines, keys)
    except module.Broken:
        return False
    return True


def holds_here() -> bool:
    return found() is None and bad_checkpoints() == []


def flipped(signature: str) -> str:
    raw = bytearray(base64.b64decode(signature))
    raw[0] ^= 1
    return base64.b64encode(raw).decode()


def of(link: Link, **changes: Any) -> Link:
    """The row with some columns changed and its old hash."""
    return link._replace(row=link.row._replace(**changes))
