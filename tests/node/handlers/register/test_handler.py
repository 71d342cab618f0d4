"""Joiners at the node: over a real inbox in a real file, and a control plane that the test plays."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.core.connection import Connection
from node.core.enrolment.claim import ALPN, Claim, Inbox, InboxFull
from node.core.enrolment.derived import authentication_string, claim_id, code_hash, commitment
from node.core.enrolment.index import ClaimState, EnrolmentIndex, EnrolmentProvider, Invite, Outcome
from node.core.errors import ConnectionClosed
from node.core.identity import AuthContext, Identity
from node.core.journal import EventKind
from node.handlers.register import answers
from node.handlers.register.handler import RegisterHandler
from node.handlers.register.limits import EnrolmentLimits
from node.handlers.register.messages import VERSION, Ask, Reveal, Told, Word, nonce_of, receive, send
from node.inbox.reader import open_inbox
from node.inbox.writer import InboxWriter
from tests.support.journals import ListJournal
from tests.support.quic import settled, soon
from tests.support.streams import connection_pair

NODE, KEY, OTHER = (f"ed25519:{number:064x}" for number in (7, 1, 2))
SECRET, NONCE = bytes(range(16)), bytes(range(32))
CODE = code_hash(SECRET)
NAME = claim_id(CODE, KEY)


@dataclass
class World:
    """A node with its inbox; `decide` is what the web process would do."""

    path: Path
    limits: EnrolmentLimits = field(default_factory=EnrolmentLimits)
    inbox: Inbox | None = None

    def __post_init__(self) -> None:
        self.provider, self.journal = EnrolmentProvider(), ListJournal()
        self.inbox = self.inbox or InboxWriter(self.path)
        self.handler = RegisterHandler(self.provider, self.inbox, self.limits, lambda: NODE, self.journal)

    def invite(self, uses: int = 1, expires_at: float | None = None) -> None:
        row = Invite("i", CODE, uses, time.time() + 60 if expires_at is None else expires_at)
        self.provider.publish_enrolment(EnrolmentIndex({"i": row}, self.provider.enrolment.outcomes))

    def decide(self, state: ClaimState, number: int, peer_id: str = "", name: str = NAME) -> None:
        outcome = Outcome(name, state, peer_id, number)
        index = EnrolmentIndex(self.provider.enrolment.invites, self.provider.enrolment.outcomes | {name: outcome})
        self.provider.publish_enrolment(index, [name])

    def claims(self) -> list[Claim]:
        try:
            with open_inbox(self.path) as reader:
                return [one.claim for one in reader.read(0, 100)] if reader.identity() else []
        except FileNotFoundError:
            return []

    def number(self) -> int:
        with open_inbox(self.path) as reader:
            return reader.read(0, 1)[0].number

    @contextlib.asynccontextmanager
    async def joiner(
        self, key: str | None = KEY, address: str = "192.0.2.1", identity: Identity | None = None
    ) -> AsyncIterator["Joiner"]:
        ours, theirs = connection_pair(ALPN)
        serving = asyncio.create_task(self._serve(theirs, AuthContext(identity, ALPN, (address, 5), key)))
        try:
            yield Joiner(ours, serving, key or KEY)
        finally:
            ours.close()
            await soon(serving)

    async def _serve(self, connection: Connection, auth: AuthContext) -> None:
        with contextlib.suppress(Exception):
            await self.handler.handle(connection, auth)
        connection.close()


class Joiner:
    """What a new machine says, step by step."""

    def __init__(self, connection: Connection, serving: "asyncio.Task[None]", key: str) -> None:
        self.connection, self.serving, self.key = connection, serving, key
        self.stream: Any = None

    async def ask(self, secret: bytes = SECRET, name: str = "laptop", version: int = VERSION) -> Told:
        committed = commitment(NONCE, self.key).hex()
        return await self.say(Ask(version, secret.hex(), committed, name))

    async def say(self, message: Any) -> Told:
        if self.stream is None:
            self.stream = await self.connection.open_bi()
        await send(self.stream, message)
        return await self.hear()

    async def hear(self) -> Told:
        return await soon(receive(self.stream, Told))

    async def claim(self, **ask: Any) -> str:
        """To the word that it is received; the digits that the joiner shows."""
        challenge = await self.ask(**ask)
        assert challenge.word is Word.CHALLENGE
        assert (await self.say(Reveal(NONCE.hex()))).word is Word.RECEIVED
        return authentication_string(
            node=NODE, joiner=self.key, secret=SECRET, joiner_nonce=NONCE, node_nonce=nonce_of(challenge)
        )


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "node.db")


async def test_a_claim_is_written_down_before_it_is_received_and_both_show_the_same(world: World) -> None:
    world.invite()
    async with world.joiner() as joiner:
        sas = await joiner.claim()
        [claim] = world.claims()
        assert (claim.claim_id, claim.code_hash, claim.fingerprint, claim.name) == (NAME, CODE, KEY, "laptop")
        assert (claim.sas, claim.address) == (sas, "192.0.2.1")
        world.decide(ClaimState.QUEUED, world.number())
        assert (await joiner.hear()).word is Word.QUEUED
        world.decide(ClaimState.ADMITTED, world.number(), "laptop")
        assert await joiner.hear() == Told(Word.ADMITTED, peer_id="laptop")
    assert SECRET.hex() not in repr(claim) + repr(world.journal.events)


async def test_who_asks_again_is_told_the_same_and_writes_nothing_down(world: World) -> None:
    world.decide(ClaimState.ADMITTED, 1, "laptop")
    async with world.joiner(identity=Identity("laptop")) as joiner:
        assert await joiner.ask() == Told(Word.ADMITTED, peer_id="laptop")
    async with world.joiner() as joiner:
        assert (await joiner.ask()).message == answers.GONE, "its peer is no more"
    async with world.joiner(OTHER) as joiner:
        assert (await joiner.ask()).word is Word.REFUSED
    world.decide(ClaimState.REFUSED, 1)
    async with world.joiner() as joiner:
        assert await joiner.ask() == Told(Word.REFUSED, message=answers.DECLINED)
    assert world.claims() == []


async def test_who_waits_asks_again_and_the_digits_are_new(world: World) -> None:
    world.invite()
    async with world.joiner() as joiner:
        first = await joiner.claim()
        world.decide(ClaimState.QUEUED, world.number())
    world.invite(uses=0)
    async with world.joiner() as joiner:
        second = await joiner.claim()
        assert first != second
        assert [claim.sas for claim in world.claims()] == [second]
        world.decide(ClaimState.QUEUED, world.number() - 1)
        await asyncio.sleep(0.01)
        world.decide(ClaimState.QUEUED, world.number())
        assert (await joiner.hear()).word is Word.QUEUED


@pytest.mark.parametrize("code", ["guessed", "used up", "over"])
async def test_codes_that_are_none_get_one_text_and_are_journalled_without_the_code(world: World, code: str) -> None:
    if code != "guessed":
        world.invite(uses=0 if code == "used up" else 1, expires_at=1.0 if code == "over" else None)
    async with world.joiner() as joiner:
        assert await joiner.ask() == Told(Word.REFUSED, message=answers.NOT_ACCEPTED)
    [event] = world.journal.of(EventKind.REFUSED)
    assert (event.fingerprint, event.address, event.detail["rule"]) == (KEY, "192.0.2.1:5", "enrolment")
    assert SECRET.hex() not in repr(event)
    assert CODE not in repr(event)
    assert world.claims() == []
    assert world.handler.snapshot()["refused"] == 1


async def test_wrong_codes_are_counted_by_address_and_all_together(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(failures_per_address=2, failures_per_minute=4))
    world.invite()

    async def word(address: str, secret: bytes = bytes(16)) -> Word:
        async with world.joiner(address=address) as joiner:
            return (await joiner.ask(secret)).word

    assert [await word("192.0.2.1") for _ in range(3)] == [Word.REFUSED, Word.REFUSED, Word.BUSY]
    assert await word("192.0.2.1", SECRET) is Word.BUSY, "a right one is not looked at either"
    assert await word("192.0.2.2", SECRET) is Word.CHALLENGE
    assert [await word(f"2001:db8::{n}") for n in (1, 2, 3)] == [Word.REFUSED, Word.REFUSED, Word.BUSY], "one /64"
    assert await word("192.0.2.3", SECRET) is Word.BUSY, "four of all together"


async def test_no_more_claims_are_taken_than_a_minute_has(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(claims_per_minute=1))
    world.invite()
    async with world.joiner() as one, world.joiner(OTHER) as other:
        await one.claim()
        assert (await other.ask()).word is Word.BUSY


async def test_no_more_joiners_are_served_than_may_wait(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(max_waiting=1))
    world.invite()
    async with world.joiner() as one, world.joiner(OTHER) as other, world.joiner() as third:
        assert (await third.ask(bytes(16))).word is Word.REFUSED, "who has no code takes no place"
        await one.claim()
        assert (await other.ask()).word is Word.BUSY
    await settled(lambda: world.handler.snapshot()["waiting"] == 0)


async def test_while_the_panel_is_down_the_claim_is_kept(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(answer_timeout=0.05))
    world.invite()
    async with world.joiner() as joiner:
        await joiner.claim()
        assert await joiner.hear() == Told(Word.KEPT, message=answers.KEPT_FOR_PANEL)
    assert len(world.claims()) == 1


async def test_nobody_decides_for_long(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(decision_timeout=0.05))
    world.invite()
    async with world.joiner() as joiner:
        await joiner.claim()
        world.decide(ClaimState.QUEUED, world.number())
        assert [(await joiner.hear()).word for _ in range(2)] == [Word.QUEUED, Word.KEPT]


async def test_an_inbox_that_takes_nothing_is_no_claim(tmp_path: Path) -> None:
    class Full(Inbox):
        async def put(self, claim: Claim) -> int:
            raise InboxFull

        async def forget(self, taken: Any) -> None:
            raise AssertionError

    world = World(tmp_path / "node.db", inbox=Full())
    world.invite()
    async with world.joiner() as joiner:
        await joiner.ask()
        assert (await joiner.say(Reveal(NONCE.hex()))).word is Word.BUSY


@pytest.mark.parametrize("key", [None, f"SHA256:{1:064x}"])
async def test_without_a_raw_key_nobody_joins(world: World, key: str | None) -> None:
    world.invite()
    async with world.joiner(key) as joiner:
        assert await joiner.ask() == Told(Word.REFUSED, message=answers.RAW_KEY_NEEDED)


async def test_another_nonce_than_the_one_that_was_committed_to_ends_it(world: World) -> None:
    world.invite()
    async with world.joiner() as joiner:
        await joiner.ask()
        with pytest.raises(ConnectionClosed):
            await joiner.say(Reveal(bytes(32).hex()))
    assert world.claims() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00",
        b"\x00\x00",
        b"\xff\xff" + b"x" * 3000,
        b"\x00\x02{}",
        b"\x00\x04\xff\xfe\xfd\xfc",
        b"\x00\x0512345",
        *(
            len(body).to_bytes(2, "big") + body
            for body in (
                msgspec.json.encode({"version": 1, "secret": secret, "commitment": commitment, "name": name})
                for secret, commitment, name in (
                    ("zz" * 16, "00" * 32, ""),
                    ("00" * 15, "00" * 32, ""),
                    ("00" * 16, "00", ""),
                    (SECRET.hex(), "00" * 31, ""),
                    (SECRET.hex(), "00" * 32, "two words"),
                    (SECRET.hex(), "00" * 32, "-x"),
                    (SECRET.hex(), "00" * 32, "x" * 65),
                    (SECRET.hex(), "00" * 32, "\u202eevil"),
                )
            )
        ),
    ],
)
async def test_junk_ends_its_own_connection_and_leaves_nothing(world: World, raw: bytes) -> None:
    world.invite()
    async with world.joiner() as joiner:
        stream = await joiner.connection.open_bi()
        await stream.write(raw)
        stream.finish()
        await soon(joiner.serving)
    assert world.claims() == []
    assert world.handler.snapshot()["waiting"] == 0


async def test_a_joiner_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    world = World(tmp_path / "node.db", EnrolmentLimits(message_timeout=0.05))
    world.invite()
    async with world.joiner() as joiner:
        await soon(joiner.serving)
    async with world.joiner() as joiner:
        await joiner.ask()
        await soon(joiner.serving)
    assert world.claims() == []


async def test_one_that_leaves_while_it_waits_is_let_go_and_its_claim_stays(world: World) -> None:
    world.invite()
    async with world.joiner() as joiner:
        await joiner.claim()
        joiner.connection.close()
        await soon(joiner.serving)
    assert len(world.claims()) == 1
