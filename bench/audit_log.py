"""The panel's side of `python -m bench audit`: fills a log, verifies it and shows it.

Run as `python -m bench.audit_log ROWS REQUESTS`, with ALKNET_DATA and DJANGO_SETTINGS_MODULE set.
"""

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import django

from bench.database import ROOT
from bench.figures import percentile

BATCH = 10_000
SINGLES = 500
PAGES = {
    "newest": "/audit/auditentry/",
    "oldest": "/audit/auditentry/?p={last}",
    "filtered": "/audit/auditentry/?action=peer.enabled",
    "searched": "/audit/auditentry/?q=peer-77",
    "change": "/audit/auditentry/{middle}/change/",
}


def main(rows: int, requests: int) -> None:
    django.setup()
    figures = {**_written(rows), **_verified(), **_pages(rows, requests)}
    print(json.dumps(figures))


def _written(rows: int) -> dict[str, float]:
    """Microseconds of processor time for each row: in bulk, one by one, and without the chain."""
    from django.db import connection, transaction

    from apps.audit.actors import SYSTEM
    from apps.audit.guards import without_guards
    from apps.audit.services import record

    def one_by_one() -> None:
        for change in _changes(0, SINGLES):
            with transaction.atomic():
                record(actor=SYSTEM, changes=[change])

    def in_bulk(first: int) -> None:
        with transaction.atomic():
            record(actor=SYSTEM, changes=_changes(first, min(first + BATCH, rows)))

    def bare() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT * FROM audit_auditentry WHERE id <= %s", [BATCH])
            found = [(number + rows, *rest) for number, *rest in cursor.fetchall()]
            places = ", ".join(["%s"] * len(found[0]))
            cursor.executemany(f"INSERT INTO audit_auditentry VALUES ({places})", found)
            transaction.set_rollback(True)

    single = _seconds(one_by_one) / SINGLES
    bulk = [_seconds(partial(in_bulk, first)) for first in range(SINGLES, rows, BATCH)]
    with without_guards():
        plain = _seconds(bare) / min(BATCH, rows)
    return {
        "row_us": round(sum(bulk) / (rows - SINGLES) * 1e6, 1),
        "single_us": round(single * 1e6, 1),
        "bare_us": round(plain * 1e6, 1),
    }


def _changes(first: int, last: int) -> Iterator[Any]:
    from apps.audit.services import Change

    for number in range(first, last):
        name, enabled = f"peer-{number % 5000}", bool(number % 2)
        facts = {"peer_id": name, "scopes": ["demo:read"], "resources": {}, "fingerprints": ["ed25519:" + "ab" * 32]}
        action = "peer.enabled" if enabled else "peer.disabled"
        yield Change(action, "peer", name, facts | {"enabled": not enabled}, facts | {"enabled": enabled})


def _verified() -> dict[str, float]:
    """Rows in a second of processor time, by the panel's verification and by the verifier of the documents."""
    from apps.audit.export import export_pieces
    from apps.audit.verification import Verified, verify

    end = Verified()

    def here() -> None:
        nonlocal end
        for end in verify({}):  # noqa: B007 - the last one is the end
            pass

    seconds = _seconds(here)
    assert end.broken is None
    lines = [line for piece in export_pieces() for line in piece.splitlines()]
    offline = _seconds(lambda: _verifier().verify(lines))
    return {"verify_per_s": round(end.number / seconds), "offline_per_s": round(end.number / offline)}


def _verifier() -> Any:
    spec = importlib.util.spec_from_file_location("verify", ROOT / "docs" / "examples" / "audit" / "verify.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pages(rows: int, requests: int) -> dict[str, float]:
    """p95 of each page, in milliseconds on the clock."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client(SERVER_NAME="localhost")
    client.force_login(User.objects.create_superuser("bench"))
    found = {}
    for name, path in PAGES.items():
        url = path.format(last=max(1, rows // 50), middle=rows // 2)
        samples = [_clocked(partial(client.get, url)) * 1000 for _ in range(requests + 1)]
        found[f"{name}_ms"] = round(percentile(samples[1:], 95), 1)  # the first one reads templates
    return found


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _clocked(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    answer = work()
    assert answer.status_code == 200, answer.status_code
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
