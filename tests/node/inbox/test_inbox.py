"""The inbox in a real file: claims come in by one side and out by the other, bounded, and none under two numbers."""

import os
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from node.core.enrolment.claim import Claim, InboxFailed, InboxFull
from node.core.journal import Event, EventKind
from node.inbox import writer
from node.inbox.reader import InboxReplaced, open_inbox
from node.inbox.writer import InboxWriter
from node.journal.file import open_journal_file
from node.journal.reader import open_journal

CLAIM = Claim("c1", f"sha256:{1:064x}", f"ed25519:{1:064x}", "laptop", "111 222 333", "192.0.2.7", time.time())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.db"


@pytest.fixture
def inbox(path: Path) -> InboxWriter:
    return InboxWriter(path)


async def test_what_goes_in_comes_out_in_order_and_once(inbox: InboxWriter, path: Path) -> None:
    numbers = [await inbox.put(replace(CLAIM, claim_id=name)) for name in ("c1", "c2", "c3")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with open_inbox(path) as reader:
        found = reader.read(0, 2)
        assert [(one.number, one.claim.claim_id) for one in found] == list(zip(numbers, ("c1", "c2"), strict=False))
        assert [one.claim for one in reader.read(numbers[1], 10)] == [replace(CLAIM, claim_id="c3")]
        assert reader.identity()


async def test_a_claim_that_is_made_anew_takes_the_place_of_the_one_before(inbox: InboxWriter, path: Path) -> None:
    first = await inbox.put(CLAIM)
    second = await inbox.put(replace(CLAIM, sas="444 555 666"))
    assert second > first
    await inbox.forget({"c1": first, "other": second})
    with open_inbox(path) as reader:
        assert [(one.number, one.claim.sas) for one in reader.read(0, 10)] == [(second, "444 555 666")]
    await inbox.forget({"c1": second})
    with open_inbox(path) as reader:
        assert reader.read(0, 10) == []
    assert await inbox.put(CLAIM) > second, "also where the table is empty"


async def test_a_file_that_is_put_in_its_place_gets_numbers_that_go_on(inbox: InboxWriter, path: Path) -> None:
    first = await inbox.put(CLAIM)
    with open_inbox(path) as reader:
        for file in path.parent.glob("node.db*"):
            file.unlink()
        assert await inbox.put(CLAIM) >= first
        with pytest.raises(InboxReplaced):
            reader.read(0, 1)


async def test_it_is_bounded_in_number_and_age(inbox: InboxWriter, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_CLAIMS", 2)
    await inbox.put(replace(CLAIM, claim_id="old", at=time.time() - writer.MAX_AGE - 1))
    for name in ("c1", "c2"):
        await inbox.put(replace(CLAIM, claim_id=name))
    with pytest.raises(InboxFull):
        await inbox.put(replace(CLAIM, claim_id="c3"))
    await inbox.put(replace(CLAIM, claim_id="c2", sas="000 000 000"))
    with open_inbox(path) as reader:
        assert [one.claim.claim_id for one in reader.read(0, 10)] == ["c1", "c2"]


async def test_the_journal_and_the_inbox_share_the_file_whoever_comes_first(inbox: InboxWriter, path: Path) -> None:
    await inbox.put(CLAIM)
    with open_journal_file(path, "boot") as journal:
        journal.append([Event(EventKind.STARTED)])
        await inbox.put(replace(CLAIM, claim_id="c2"))
        journal.append([Event(EventKind.STOPPED)])
        with open_journal(path) as events, open_inbox(path) as reader:
            assert [record.kind for record in events.read(0, 10)] == ["started", "stopped"]
            assert len(reader.read(0, 10)) == 2


async def test_before_the_first_claim_there_is_nothing_to_read(path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_inbox(path):
        pass
    with open_journal_file(path, "boot"), open_inbox(path) as reader:
        assert reader.identity() is None


async def test_a_disk_that_takes_nothing_is_told_and_nothing_is_kept(path: Path) -> None:
    inbox = InboxWriter(path.parent / "nowhere" / "node.db")
    with pytest.raises(InboxFailed):
        await inbox.put(CLAIM)
    await inbox.forget({"c1": 1})
    assert os.listdir(path.parent) == []
