"""Notes that the peers of a node share, in its memory: an example of a service of one's own."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec

from node.handlers.call.decorator import mutation, query, subscription
from node.handlers.call.errors import DeclaredError
from node.handlers.call.operation import Operation, OperationContext

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
NO_NOTE = DeclaredError("NO_SUCH_NOTE", "no note has this title", {"type": "object", "required": ["title"]}, 404)


class Note(msgspec.Struct):
    """What is put in and taken out."""

    title: Title
    text: Annotated[str, msgspec.Meta(max_length=10_000)]


class Wanted(msgspec.Struct):
    """Which note is meant."""

    title: Title


def operations() -> tuple[Operation, ...]:
    """The operations over notes of their own: what the entry point names."""
    notes: dict[str, Note] = {}

    @mutation("notes/put", scopes=("notes:write",))
    async def put(note: Note, context: OperationContext) -> str | None:
        notes[note.title] = note
        return context.identity.id if context.identity else None

    @query("notes/get", errors=(NO_NOTE,))
    async def get(wanted: Wanted) -> Note:
        if wanted.title not in notes:
            raise NO_NOTE.error("no such note", {"title": wanted.title})
        return notes[wanted.title]

    @subscription("notes/all")
    async def every() -> AsyncIterator[Note]:
        for note in list(notes.values()):
            yield note

    return put, get, every
