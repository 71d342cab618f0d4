"""Checkpoints: taken by a node that runs and is unlocked, of a log that holds, on demand and in time."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from apps.audit import checkpoints, schedule
from apps.audit.checkpoints import BROKEN, DOWN, EMPTY, LOCKED, REFUSED, NoCheckpoint, is_signed, take_checkpoint
from apps.audit.models import Checkpoint
from apps.audit.schedule import is_due
from node.control.client import ControlClient
from tests.support.audit_log import holds_here, of, replace_table, rows, sign, write
from tests.support.panel import sql
from tests.support.vault_node import VaultNode

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


def refusal() -> str:
    before = Checkpoint.objects.count()
    with pytest.raises(NoCheckpoint) as caught:
        take_checkpoint()
    assert Checkpoint.objects.count() == before
    return str(caught.value)


def test_the_head_is_signed_and_kept(node: VaultNode) -> None:
    write(3)
    made = take_checkpoint()
    assert (made.pk, made.number, made.hash) == (1, 3, rows.head()[1])
    assert is_signed(made)
    write(2, since=3)
    again = take_checkpoint()
    assert (again.pk, again.number) == (2, 5)
    assert holds_here()


def test_nothing_new_makes_no_new_one(node: VaultNode) -> None:
    write(3)
    assert take_checkpoint().pk == take_checkpoint().pk == 1
    assert Checkpoint.objects.count() == 1


def test_an_empty_log_has_nothing_to_sign(node: VaultNode) -> None:
    assert refusal() == EMPTY


def test_a_locked_vault_a_lie_and_a_node_that_is_down_are_told_apart(
    node: VaultNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(3)
    node.tell("lock")
    assert refusal() == LOCKED
    node.tell("unlock")
    node.tell("lie")
    assert refusal() == REFUSED
    monkeypatch.setattr(checkpoints, "ControlClient", lambda _: ControlClient(tmp_path / "node.sock"))
    assert refusal() == DOWN


@pytest.mark.parametrize("signed", [0, 2])
def test_a_log_that_was_tampered_with_is_not_signed(node: VaultNode, signed: int) -> None:
    write(4)
    if signed:
        sign(signed)
    log = rows.read_links(0, 10)
    replace_table([*log[:2], of(log[2], action="x.y"), log[3]])
    assert refusal() == BROKEN


@pytest.mark.parametrize("left", [0, 1])
def test_a_log_that_was_cut_below_a_checkpoint_is_not_signed(node: VaultNode, left: int) -> None:
    write(4)
    sign(3)
    replace_table(rows.read_links(0, 10)[:left])
    assert refusal() == BROKEN


def test_a_forged_checkpoint_saves_no_verification(node: VaultNode) -> None:
    """Who moves a checkpoint's number up to skip rows loses its signature by that."""
    write(4)
    sign(1)
    log = rows.read_links(0, 10)
    replace_table([log[0], of(log[1], action="x.y"), *log[2:]])
    Checkpoint.objects.update(number=3, hash=log[2].hash)
    assert refusal() == BROKEN


def test_a_copy_is_signed_where_that_is_possible_and_made_anyway(
    node: VaultNode, caplog: pytest.LogCaptureFixture
) -> None:
    write(2)
    node.tell("lock")
    schedule.sign_where_possible()
    assert [record.reason for record in caplog.records] == [LOCKED]  # type: ignore[attr-defined]
    node.tell("unlock")
    schedule.sign_where_possible()
    assert sql("SELECT number FROM audit_checkpoint") == [(2,)]


def test_one_is_due_once_the_newest_is_old_and_the_log_has_grown() -> None:
    assert not is_due(HOUR)
    write(1)
    assert is_due(HOUR)
    sign(1)
    assert not is_due(timedelta(0)), "nothing was added"
    write(1, since=1)
    assert not is_due(HOUR), "too early"
    assert is_due(timedelta(0))


async def one_look(hours: float) -> None:
    looking = asyncio.create_task(schedule.keep_checkpoints(hours))
    await asyncio.sleep(0.5)
    looking.cancel()


def test_the_web_process_takes_them_by_itself(
    node: VaultNode, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schedule, "FIRST_LOOK", 0.0)
    monkeypatch.setattr(schedule, "LOOK_EVERY", 0.01)
    write(2)
    node.tell("lock")
    asyncio.run(one_look(24))
    assert sql("SELECT count(*) FROM audit_checkpoint") == [(0,)]
    assert [record.reason for record in caplog.records] == [LOCKED], "it is said once"  # type: ignore[attr-defined]
    node.tell("unlock")
    asyncio.run(one_look(0))
    assert sql("SELECT count(*) FROM audit_checkpoint") == [(0,)]
    asyncio.run(one_look(24))
    assert sql("SELECT number FROM audit_checkpoint") == [(2,)]
