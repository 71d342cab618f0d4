"""Joining: a machine without a peer's rights shows its key and a one-time code to the node that the code names."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from node.client.backoff import Backoff
from node.client.dial import dial
from node.core.connection import BiStream
from node.core.enrolment.claim import ALPN
from node.core.enrolment.code import InviteCode
from node.core.enrolment.derived import NONCE_BYTES, authentication_string, commitment
from node.core.errors import (
    NO_APPLICATION_PROTOCOL,
    DialError,
    HandshakeError,
    PinMismatch,
    StreamError,
    TlsConfigError,
)
from node.handlers.register.messages import (
    LAST_WORDS,
    VERSION,
    Ask,
    MessageError,
    Reveal,
    Told,
    Word,
    nonce_of,
    receive,
    send,
)
from node.quic.tls.keys import NodeKey

DIAL_SECONDS = 10.0
RETRY_FIRST, RETRY_MAX = 0.5, 15.0
"""Seconds between two attempts."""
UNDECIDED = "The claim is kept, and not decided yet. Run the same command again later."


@dataclass(frozen=True, slots=True)
class Joined:
    """What became of it: the node's last word, and the short authentication string that was shown last."""

    told: Told
    sas: str


class NoAnswer(Exception):
    """The node was not reached, or said nothing that is understood, as long as was waited."""


class Joiner:
    """Claims `code` with `key`, as often as it takes: the node knows the claim by both, and takes one use of the code.

    `show_sas` is called with the short authentication string each time that it is another one, `show` with what the
    node says on the way, and `show_problem` with why the node is not reached, once for each reason.
    """

    def __init__(
        self,
        code: InviteCode,
        key: NodeKey,
        name: str = "",
        show_sas: Callable[[str], None] = lambda _: None,
        show: Callable[[Told], None] = lambda _: None,
        show_problem: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._code = code
        self._key = key
        self._name = name
        self._show_sas = show_sas
        self._show = show
        self._show_problem = show_problem
        self._problem = ""
        self._last: Told | None = None
        self._sas = ""

    async def join(self, seconds: float) -> Joined:
        """Ask until it is decided, or for so many seconds.

        Raises NoAnswer, HandshakeError, PinMismatch, TlsConfigError.
        """
        backoff = Backoff(RETRY_FIRST, RETRY_MAX)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await self._decided():  # noqa: ASYNC110 - it asks, and does not only look
                    await asyncio.sleep(backoff.delay())
        if self._last is None:
            raise NoAnswer(self._problem or "the node did not answer in time")
        return Joined(self._last, self._sas)

    async def _decided(self) -> bool:
        """Ask once. Raises what no repetition can mend."""
        try:
            self._last = await self._once()
        except (PinMismatch, TlsConfigError):
            raise
        except (DialError, StreamError, EOFError, MessageError) as error:
            if isinstance(error, HandshakeError) and error.code == NO_APPLICATION_PROTOCOL:
                raise HandshakeError("this node takes no codes", error.code) from None
            self._trouble(str(error) or "the node hung up")
        return self._last is not None and self._last.word in (Word.ADMITTED, Word.REFUSED)

    def _trouble(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._show_problem(problem)

    async def _once(self) -> Told:
        """One connection, to the node's last word. Raises DialError, StreamError, EOFError, MessageError."""
        connection = await dial(
            self._code.address, ALPN, key=self._key, pin=self._code.fingerprint, timeout=DIAL_SECONDS
        )
        try:
            connection.keep_alive()
            stream = await connection.open_bi()
            return await self._talk(stream)
        finally:
            connection.close()

    async def _talk(self, stream: BiStream) -> Told:
        ours = secrets.token_bytes(NONCE_BYTES)
        committed = commitment(ours, self._key.fingerprint)
        await send(stream, Ask(VERSION, self._code.secret.hex(), committed.hex(), self._name))
        told = await receive(stream, Told)
        if told.word is Word.CHALLENGE:
            self._agree(ours, nonce_of(told))
            await send(stream, Reveal(ours.hex()))
            told = await receive(stream, Told)
        while told.word not in LAST_WORDS:
            self._hear(told)
            told = await receive(stream, Told)
        return told

    def _agree(self, ours: bytes, theirs: bytes) -> None:
        self._sas = authentication_string(
            node=self._code.fingerprint,
            joiner=self._key.fingerprint,
            secret=self._code.secret,
            joiner_nonce=ours,
            node_nonce=theirs,
        )
        self._show_sas(self._sas)

    def _hear(self, told: Told) -> None:
        """What is said on the way counts as kept until there is a last word."""
        self._last = Told(Word.KEPT, message=UNDECIDED)
        self._show(told)
