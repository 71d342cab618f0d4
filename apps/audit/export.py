"""The audit log as NDJSON, one JSON object on a line, for others to keep and to verify (docs/audit.md)."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.utils import timezone

from apps.audit.chain import Link
from apps.audit.checkpoints import checkpoint_json
from apps.audit.models import Checkpoint
from apps.audit.rows import head, read_links

FORMAT = 1
PAGE = 1000
"""Rows of one piece: some hundred KiB."""


def export_pieces() -> Iterator[str]:
    """The whole log as it is now, in pieces of whole lines. What is added meanwhile is left for another export.

    The checkpoints are read before the head, so that none of them speaks of rows that are not here; if one does, then
    rows are gone. A piece is one query: between two of them nothing is held.
    """
    checkpoints, (last, digest) = list(Checkpoint.objects.order_by("id")), head()
    yield _lines([{"type": "audit", "version": FORMAT, "exported_at": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"}])
    after, count = 0, 0
    while links := [link for link in read_links(after, PAGE) if link.row.number <= last]:
        yield _lines(_row(link) for link in links)
        count += len(links)
        if (after := links[-1].row.number) >= last:
            break
    yield _lines(_checkpoint(one) for one in checkpoints)
    yield _lines([{"type": "end", "rows": count, "checkpoints": len(checkpoints), "hash": digest}])


async def export_stream() -> AsyncIterator[str]:
    """The same for a response: each piece is read in the thread of the request, when the one before has gone out."""
    pieces = export_pieces()
    while (piece := await sync_to_async(lambda: next(pieces, None))()) is not None:
        yield piece


def _lines(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(one, default=_bytes)}\n" for one in objects)


def _row(link: Link) -> dict[str, Any]:
    return {"type": "row", **link.row._asdict(), "hash": link.hash}


def _checkpoint(one: Checkpoint) -> dict[str, Any]:
    return {"type": "checkpoint", "id": one.pk, **checkpoint_json(one)}


def _bytes(value: Any) -> dict[str, str]:
    """A text that somebody has replaced by bytes, which no row of ours has: it will not verify, and shall be seen."""
    return {"bytes": bytes(value).hex()}
