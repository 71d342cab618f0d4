"""A board over the notes of another node: an example of a hub, whose operations compose what others offer."""

from typing import Annotated, Any

import msgspec

from node.handlers.call.authority import CompositionAuthority, ScopedEnvironment
from node.handlers.call.decorator import mutation, query
from node.handlers.call.errors import CallError
from node.handlers.call.operation import Operation, OperationContext
from node.handlers.call.peers import SpecificPeer

NOTES = SpecificPeer("notes")
"""The other node, as the settings of this one name it. Who else offers notes is not asked."""
ON_ITS_OWN = CompositionAuthority("board", ("notes:write",))
"""What an operation asks of its callers it asks of this hub's operations as well; the other node asks the hub."""


class Post(msgspec.Struct):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    text: Annotated[str, msgspec.Meta(max_length=10_000)]


class Digest(msgspec.Struct):
    notes: list[Any]
    missing: list[str]


@mutation(
    "board/post",
    scopes=("board:post",),
    authority=ON_ITS_OWN,
    scoped_env=ScopedEnvironment(pinned=frozenset({"notes/notes/put"})),
)
async def post(note: Post, context: OperationContext) -> str:
    """Who has posted, as the node with the notes sees it: this hub."""
    value = {"title": note.title, "text": note.text}
    by: str = await context.env.invoke_peer(NOTES, "notes", "put", value, context)
    return by


@query(
    "board/digest",
    authority=ON_ITS_OWN,
    scoped_env=ScopedEnvironment(pinned=frozenset({"notes/notes/get"})),
)
async def digest(titles: Annotated[list[str], msgspec.Meta(max_length=100)], context: OperationContext) -> Digest:
    """Several notes in one answer, and the titles that there is no note of."""
    found = Digest([], [])
    for title in titles:
        try:
            found.notes.append(await context.env.invoke_peer(NOTES, "notes", "get", {"title": title}, context))
        except CallError as error:
            if error.code != "NO_SUCH_NOTE":
                raise
            found.missing.append(title)
    return found


def operations() -> tuple[Operation, ...]:
    """What the entry point names."""
    return post, digest
