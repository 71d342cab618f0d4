"""The protocol handler of `alknet/register`.

It knows which codes may be claimed, proves nothing by itself and admits nobody: it writes claims down, and tells what
the control plane makes of them. The joiner's key is the one that its handshake proved.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from node.core import current
from node.core.address import format_host_port
from node.core.connection import BiStream, Connection
from node.core.enrolment.claim import ALPN, Claim, Inbox, InboxFailed, InboxFull, is_proposable
from node.core.enrolment.derived import NONCE_BYTES, authentication_string, claim_id, code_hash, opens
from node.core.enrolment.index import ClaimState, EnrolmentProvider
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext
from node.core.journal import Event, EventKind, Journal, NoJournal
from node.core.live import Live, live
from node.core.metrics import counters, gauges
from node.handlers.register.answers import (
    GONE,
    KEPT_FOR_PANEL,
    LATER,
    NOT_ACCEPTED,
    Declined,
    key_of,
    last_word,
)
from node.handlers.register.guesses import Guesses
from node.handlers.register.limits import EnrolmentLimits
from node.handlers.register.messages import (
    VERSION,
    Ask,
    MessageError,
    Reveal,
    Told,
    Word,
    commitment_of,
    nonce_of,
    receive,
    secret_of,
    send,
)

MEANINGS = {
    **gauges(waiting="Joiners that are being served."),
    **counters(
        claims="Claims that were written down.",
        refused="Codes that were none: guessed, used up or over.",
        busy="Joiners that were sent away, since there were too many or too many wrong codes.",
    ),
}
_LAST_WORD_S = 5.0
"""Seconds that the joiner has to take the last word, and to hang up."""

T = TypeVar("T")
logger = logging.getLogger(__name__)


class RegisterHandler:
    """Serves joiners. `node` gives the fingerprint by which this node is known."""

    alpn = ALPN

    def __init__(
        self,
        provider: EnrolmentProvider,
        inbox: Inbox,
        limits: EnrolmentLimits | Live[EnrolmentLimits],
        node: Callable[[], str],
        journal: Journal | None = None,
    ) -> None:
        self._provider = provider
        self._inbox = inbox
        self._limits = live(limits)
        self._node = node
        self._journal = journal or NoJournal()
        self._guesses = Guesses(self._limits, time.monotonic)
        self._waiting = self._claims = self._refused = self._busy = 0

    def snapshot(self) -> dict[str, int]:
        return {
            "waiting": self._waiting,
            "claims": self._claims,
            "refused": self._refused,
            "busy": self._busy,
        }

    async def handle(self, connection: Connection, auth: AuthContext) -> None:
        try:
            async with asyncio.timeout(self._limits.value.message_timeout):
                stream = await connection.accept_bi()
            await self._answer(connection, stream, auth)
        except (MessageError, EOFError, TimeoutError) as error:
            logger.info("a joiner was not understood", extra={"error": str(error), "remote_addr": auth.remote_addr})

    async def _answer(self, connection: Connection, stream: BiStream, auth: AuthContext) -> None:
        try:
            ask = await self._in_time(receive(stream, Ask))
            name = self._named(ask, auth)
            with self._served():
                last = await self._serve(connection, stream, ask, auth, name)
        except Declined as declined:
            last = declined.told
        await send(stream, last)
        stream.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await connection.wait_closed()

    def _named(self, ask: Ask, auth: AuthContext) -> str:
        """The name of a claim that is known, or may be made. Raises Declined, MessageError."""
        key = key_of(auth)
        if not self._guesses.may_ask(auth.remote_addr):
            raise self._later()
        stored = code_hash(secret_of(ask))
        name = claim_id(stored, key)
        known = self._provider.enrolment.outcomes.get(name)
        if known is None and self._provider.enrolment.invite_of(stored, time.time()) is None:
            raise self._not_accepted(auth)
        return name

    @contextlib.contextmanager
    def _served(self) -> Iterator[None]:
        """One more joiner, whose code is a right one: strangers without any take nobody's place. Raises Declined."""
        if self._waiting >= self._limits.value.max_waiting:
            raise self._later()
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def _serve(self, connection: Connection, stream: BiStream, ask: Ask, auth: AuthContext, name: str) -> Told:
        """The last word of a claim, which is written down first unless it is decided. Raises Declined, MessageError."""
        known = self._provider.enrolment.outcomes.get(name)
        if known is None or not known.final:
            number = await self._inbox_number(await self._agree(stream, ask, auth, name))
            return await self._follow(connection, stream, name, number)
        if known.state is ClaimState.ADMITTED and auth.identity is None:
            return Told(Word.REFUSED, message=GONE)
        return last_word(known)

    async def _agree(self, stream: BiStream, ask: Ask, auth: AuthContext, name: str) -> Claim:
        """A claim with the short authentication string that the joiner shows too. Raises Declined, MessageError."""
        key, secret, committed = key_of(auth), secret_of(ask), commitment_of(ask)
        if ask.version != VERSION or (ask.name and not is_proposable(ask.name)):
            raise MessageError("another version of the protocol, or a name that nobody may propose")
        if not self._guesses.may_claim():
            raise self._later()
        ours = secrets.token_bytes(NONCE_BYTES)
        await send(stream, Told(Word.CHALLENGE, nonce=ours.hex()))
        theirs = nonce_of(await self._in_time(receive(stream, Reveal)))
        if not opens(committed, theirs, key):
            raise MessageError("another nonce than the one that was committed to")
        sas = authentication_string(node=self._node(), joiner=key, secret=secret, joiner_nonce=theirs, node_nonce=ours)
        return Claim(name, code_hash(secret), key, ask.name, sas, _host(auth) or "", time.time())

    async def _inbox_number(self, claim: Claim) -> int:
        """Write the claim down. Raises Declined."""
        try:
            number = await self._inbox.put(claim)
        except (InboxFull, InboxFailed) as error:
            logger.error("a claim was not taken", extra={"error": str(error) or type(error).__name__})
            raise self._later() from None
        self._claims += 1
        return number

    async def _follow(self, connection: Connection, stream: BiStream, name: str, number: int) -> Told:
        """Tell what becomes of a claim; the last word of it."""
        limits = self._limits.value
        await send(stream, Told(Word.RECEIVED))
        known = await _unless_gone(connection, self._provider.outcome(name, number), limits.answer_timeout)
        if known is None:
            return Told(Word.KEPT, message=KEPT_FOR_PANEL)
        if not known.final:
            await send(stream, Told(Word.QUEUED))
            known = await _unless_gone(connection, self._provider.decision(name), limits.decision_timeout)
        return last_word(known)

    async def _in_time(self, message: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(self._limits.value.message_timeout):
            return await message

    def _later(self) -> Declined:
        self._busy += 1
        return Declined(Told(Word.BUSY, message=LATER))

    def _not_accepted(self, auth: AuthContext) -> Declined:
        self._refused += 1
        self._guesses.failed(auth.remote_addr)
        self._journal.record(
            Event(
                EventKind.REFUSED,
                connection=current.connection.get(),
                fingerprint=auth.tls_client_fingerprint,
                alpn=ALPN.decode(),
                address=None if auth.remote_addr is None else format_host_port(auth.remote_addr),
                reason="a code that is not accepted",
                detail={"rule": "enrolment", "message": NOT_ACCEPTED},
            )
        )
        return Declined(Told(Word.REFUSED, message=NOT_ACCEPTED))


def _host(auth: AuthContext) -> str | None:
    return None if auth.remote_addr is None else auth.remote_addr[0]


async def _unless_gone(connection: Connection, outcome: Coroutine[Any, Any, T], seconds: float) -> T | None:
    """What is waited for, or None where it does not come in time. Raises ConnectionClosed where the joiner has gone."""
    waiting = asyncio.create_task(outcome)
    gone = asyncio.create_task(connection.wait_closed())
    try:
        await asyncio.wait((waiting, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ConnectionClosed
        return waiting.result() if waiting.done() else None
    finally:
        waiting.cancel()
        gone.cancel()
        await asyncio.gather(waiting, gone, return_exceptions=True)
