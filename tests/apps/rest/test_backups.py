"""Backups over REST: listed, begun one at a time, and held against what was noted of them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from apps.backups import services
from apps.backups.models import Backup, State, Way
from tests.support.rest import Caller, problem_of

CONTENT = b"content"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    known = settings.ALKNET
    kept = known.backup.model_copy(update={"directory": tmp_path})
    monkeypatch.setattr(settings, "ALKNET", known.model_copy(update={"backup": kept}))
    return tmp_path


def stored(file: Path, **values: Any) -> int:
    file.write_bytes(CONTENT)
    noted = {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(), "state": State.DONE}
    fields = {**noted, "way": Way.PANEL, "made_by": "ann", **values}
    return int(Backup.objects.create(file=str(file), **fields).pk)


def test_one_is_begun_at_a_time_and_is_in_the_list(api: Caller) -> None:
    begun = api.call("POST", "/backups")
    told = json.loads(begun.content)
    assert (begun.status_code, told["state"], told["way"]) == (202, "running", "rest")
    problem_of(api.call("POST", "/backups"), 409)
    services.fail(actor=services.SYSTEM, backup=Backup.objects.get(), reason="no room")
    assert json.loads(api.get(f"/backups/{told['id']}").content)["error"] == "no room"
    second = json.loads(api.call("POST", "/backups").content)
    page = json.loads(api.get("/backups?limit=1").content)
    rest = json.loads(api.get(f"/backups?limit=1&cursor={page['next']}").content)
    assert [row["id"] for part in (page, rest) for row in part["items"]] == [second["id"], told["id"]]
    assert rest["next"] is None
    problem_of(api.get("/backups/999"), 404)


def test_a_file_is_held_against_what_was_noted_of_it(api: Caller, directory: Path) -> None:
    whole, other = stored(directory / "a.tar"), stored(directory / "b.tar")
    (directory / "b.tar").write_bytes(b"contenT")
    found = [json.loads(api.call("POST", f"/backups/{number}/check").content) for number in (whole, other)]
    assert [one["holds"] for one in found] == [True, False]
    assert found[0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_no_other_file_is_looked_at(api: Caller, directory: Path) -> None:
    (directory / "sub").mkdir()
    elsewhere, unknown = stored(directory / "sub" / "a.tar"), stored(directory / "b.tar", sha256="")
    link, gone = stored(directory / "c.tar"), stored(directory / "d.tar")
    (directory / "c.tar").unlink()
    (directory / "c.tar").symlink_to(directory / "b.tar")
    (directory / "d.tar").unlink()
    for number, status in ((elsewhere, 404), (unknown, 409), (link, 404), (gone, 404), (999, 404)):
        problem_of(api.call("POST", f"/backups/{number}/check"), status)
