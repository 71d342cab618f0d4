"""A data directory is used by many or restored by one; a restore that was decided is ended by whoever comes first."""

import os
import threading
from pathlib import Path

import pytest

from node import data_lock
from node.backup.swap import Plan, decide, drop_stage, is_pending, new_stage
from node.data_lock import DataBusy, alone, in_use
from tests.support.backups import data_of, marks


def test_many_may_use_it_and_nobody_restores_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_lock, "PATIENCE", 0.1)
    with in_use(tmp_path), in_use(tmp_path), pytest.raises(DataBusy, match="is in use"), alone(tmp_path):
        pass
    with alone(tmp_path), pytest.raises(DataBusy, match="under way"), in_use(tmp_path):
        pass
    with alone(tmp_path):
        pass


def decided(tmp_path: Path) -> Path:
    """A data directory in which a restore of everything was decided, and nothing done."""
    data = data_of(tmp_path / "data", "old")
    stage = new_stage(data)
    data_of(tmp_path / "new", "new")
    keys = ("secrets/vault.json", "secrets/node_certificate.pem", "secrets/token_key")
    brings = ("alknet.db", "node.db", "alknet.toml", *keys)
    beside = [f"{name}{suffix}" for name in brings[:2] for suffix in ("-wal", "-shm")]
    for name in brings:
        (stage / name).write_bytes((tmp_path / "new" / name).read_bytes())
    decide(data, Plan(brings, (*brings, *beside), "then"))
    return data


def test_whoever_comes_in_first_ends_a_restore_and_many_may_come_at_once(tmp_path: Path) -> None:
    data = decided(tmp_path)
    (tmp_path / "new" / "alknet.db-wal").unlink()
    inside, found = threading.Barrier(4), []

    def come_in() -> None:
        with in_use(data):
            found.append(is_pending(data))
            inside.wait(20)

    threads = [threading.Thread(target=come_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [False] * 4
    assert (data / "alknet.toml").read_text() == "# new\n"
    assert not list(data.glob("*.db-*")), "what was beside the old files went with them"
    assert marks(data / "replaced" / "then") == {"old"}


def test_the_next_restore_ends_it_too(tmp_path: Path) -> None:
    data = decided(tmp_path)
    with alone(data):
        assert not is_pending(data)


def test_what_was_staged_and_not_decided_is_nothing(tmp_path: Path) -> None:
    data = data_of(tmp_path / "data", "old")
    (new_stage(data) / "alknet.db").write_text("half")
    with in_use(data):
        assert marks(data) == {"old"}
    drop_stage(data)
    assert not (data / ".restore").exists()


@pytest.mark.parametrize("plan", ["", "[]", '{"brings": ["../x"], "takes": [], "aside": "a"}', "[" * 5000])
def test_a_plan_that_is_none_stops_everything_until_a_person_comes(tmp_path: Path, plan: str) -> None:
    data = data_of(tmp_path / "data", "old")
    (data / ".restoring").mkdir()
    (data / ".restoring" / "plan.json").write_text(plan)
    with pytest.raises(DataBusy, match="is damaged"), in_use(data):
        pass
    assert marks(data) == {"old"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root restores for others")
def test_what_root_restores_belongs_to_whom_the_directory_belongs_to(tmp_path: Path) -> None:
    """Or the service could not read it."""
    (tmp_path / "data").mkdir(mode=0o700)
    os.chown(tmp_path / "data", 1234, 1235)
    data = decided(tmp_path)
    with in_use(data):
        made = [data / name for name in ("alknet.db", "secrets", "secrets/vault.json", "replaced", "replaced/then")]
        assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(1234, 1235)}
