"""The garbage collector is out of the way while much is loaded, and back afterwards."""

import gc

import pytest

from node.core.peers import PeerEntry
from node.store.collector import collector_paused
from node.store.limits import StoreLimits
from node.store.sqlite import SqliteStore
from tests.support.fresh import fresh
from tests.support.schema import put_peers
from tests.support.sql_writer import SqlWriter


def test_it_pauses_and_comes_back_even_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(RuntimeError), collector_paused():
        assert not gc.isenabled()
        raise RuntimeError
    assert gc.isenabled()


def test_one_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(("rows", "hidden"), [(9, False), (10, True), (50, True)])
async def test_a_large_first_load_is_hidden_from_it_and_a_small_one_is_not(
    writer: SqlWriter, rows: int, hidden: bool
) -> None:
    writer.commit(*put_peers(PeerEntry(f"peer {number}") for number in range(rows)))
    gc.unfreeze()
    try:
        store = SqliteStore(writer.path, StoreLimits(freeze_rows=10))
        await store.start()
        assert (gc.get_freeze_count() > 0) is hidden
        assert gc.isenabled()
        frozen = gc.get_freeze_count()
        writer.commit("INSERT INTO _honker_notifications (channel, payload) VALUES ('peers_changed', 'junk')")
        await fresh(store, writer)
        assert gc.get_freeze_count() <= frozen
        await store.stop()
    finally:
        gc.unfreeze()
