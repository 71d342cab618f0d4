"""Limits of the call protocol, section `call` of the settings."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from node.core.live import RESTART
from node.handlers.call.nesting import MAX_NESTING

MIB = 1024 * 1024
MAX_FRAME = 64 * MIB
"""Largest frame body in bytes, inclusive: a contract with every other implementation (spec call §2)."""


class CallLimits(BaseModel):
    """Buffered bytes are those of frames that are half read, or whose request has no delivered answer yet.

    A connection keeps the limits that it began with; the next one has the new ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    request_timeout: float = Field(default=30.0, gt=0, le=3600, description="Seconds that an operation may take.")
    stall_timeout: float = Field(
        default=30.0, gt=0, le=3600, description="Seconds without progress inside a frame, read or written."
    )
    max_in_flight: int = Field(default=1024, ge=1, le=65536, description="Unanswered requests of one connection.")
    max_subscriptions: int = Field(
        default=256, ge=1, le=65536, description="Subscriptions of one connection that are being served."
    )
    max_continuing: int = Field(
        default=256,
        ge=0,
        le=65536,
        description="Composed calls of the node that may go on by their policy after their request was given up.",
    )
    max_unread_items: int = Field(
        default=32, ge=1, le=65536, description="Items of one subscription of ours that wait for its reader."
    )
    max_unread: int = Field(
        default=MIB, ge=1024, le=1024 * MIB, description="Bytes that such items may have, one item at least."
    )
    max_nesting: int = Field(
        default=MAX_NESTING,
        ge=8,
        le=MAX_NESTING,
        description="Levels of JSON of a request, its frame included.",
    )
    max_buffered: int = Field(
        default=8 * MIB,
        ge=65536,
        le=1024 * MIB,
        description="Bytes of large requests of one connection, above which the next one waits; and of unread answers.",
    )
    max_waiting: int = Field(
        default=32 * MIB,
        ge=65536,
        le=1024 * MIB,
        description="Bytes of one connection that lie in streams which wait; more than those of all streams' windows.",
    )
    max_buffered_answers: int = Field(
        default=MAX_FRAME, ge=65536, le=1024 * MIB, description="Bytes that one connection answers us with at once."
    )
    max_unsent: int = Field(
        default=MAX_FRAME, ge=65536, le=1024 * MIB, description="Bytes of answers that one connection has not read."
    )
    max_buffered_total: int = Field(
        default=256 * MIB,
        ge=65536,
        description="Buffered bytes of all connections of peers together; unread answers, as many again.",
    )
    max_buffered_strangers: int = Field(
        default=32 * MIB, ge=65536, description="The same of all connections without an identity."
    )
    max_frame_strangers: int = Field(
        default=4 * MIB, ge=1024, le=MAX_FRAME, description="Largest frame of a connection without an identity."
    )
    check_outputs: Annotated[bool, RESTART] = Field(
        default=False, description="For development: an operation whose output does not fit its schema fails."
    )
    list_peers: Annotated[bool, RESTART] = Field(
        default=False,
        description="Offer `services/list-peers`, which tells callers of the nodes that this one imports from.",
    )
