"""Who may see backups, make them and have them; and that the page gives out what it has made, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.rights import Role
from apps.backups.downloads import Download
from apps.backups.models import Backup, State, Way
from apps.backups.runner import RUNNER
from tests.support.accounts import desk_of
from tests.support.panel import audit

PAGE = "/backups/backup/"
WAYS = [
    ("get", PAGE, {Role.AUDITOR, Role.OPERATOR, Role.OWNER}),
    ("post", f"{PAGE}make/", {Role.OPERATOR, Role.OWNER}),
    ("post", f"{PAGE}{{pk}}/download/", {Role.OWNER}),
]

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this process puts backups; none is begun here."""
    known = settings.ALKNET
    kept = known.backup.model_copy(update={"directory": tmp_path / "backups"})
    monkeypatch.setattr(settings, "ALKNET", known.model_copy(update={"backup": kept}))
    monkeypatch.setattr(RUNNER, "begin", lambda *_: None)
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def told() -> list[str]:
    """What the audit log has of backups."""
    return [action for _, action, _ in audit() if action.startswith("backup.")]


def stored(file: Path, **values: Any) -> Backup:
    file.write_bytes(b"content")
    fields = {"state": State.DONE, "way": Way.PANEL, "made_by": "ann", "size": 7, **values}
    return Backup.objects.create(file=str(file), **fields)


@pytest.mark.parametrize(("method", "path", "who"), WAYS)
def test_each_right_is_its_own(directory: Path, method: str, path: str, who: set[Role]) -> None:
    backup = stored(directory / "it.tar")
    for role in Role:
        answer = getattr(desk_of(role), method)(path.format(pk=backup.pk))
        if isinstance(answer, Download):
            answer.file.close()  # to close the answer would close the database as well
        assert (answer.status_code != 403) == (role in who), role


def test_a_stranger_is_led_to_the_sign_in_page(client: Client, directory: Path) -> None:
    backup = stored(directory / "it.tar")
    for method, path, _ in WAYS:
        assert getattr(client, method)(path.format(pk=backup.pk)).status_code == 302
    assert told() == []


def test_nothing_is_begun_or_given_out_by_a_link(admin_client: Client, directory: Path) -> None:
    backup = stored(directory / "it.tar")
    for path in (f"{PAGE}make/", f"{PAGE}{backup.pk}/download/"):
        assert admin_client.get(path).status_code == 405
    assert told() == []


def test_only_what_this_process_has_made_is_given_out(admin_client: Client, directory: Path, tmp_path: Path) -> None:
    (directory / "link.tar").symlink_to("/etc/passwd")
    gone = stored(directory / "gone.tar")
    gone.path.unlink()
    others = [
        stored(tmp_path / "of-a-shell.tar"),
        gone,
        stored(directory / "half.tar", state=State.RUNNING),
        stored(directory / "none.tar", state=State.FAILED),
        Backup.objects.create(file=str(directory / "link.tar"), state=State.DONE, way=Way.PANEL),
        Backup.objects.create(file=str(directory / ".." / "of-a-shell.tar"), state=State.DONE, way=Way.PANEL),
    ]
    for backup in others:
        assert admin_client.post(f"{PAGE}{backup.pk}/download/").status_code == 404, backup.file
    assert told() == []


@pytest.mark.parametrize("name", ['a".exe;x=".tar', "a\nb.tar", "ü.tar"])
def test_a_name_that_a_shell_has_given_stays_a_name(admin_client: Client, directory: Path, name: str) -> None:
    backup = stored(directory / name, way=Way.SHELL)
    answer = admin_client.post(f"{PAGE}{backup.pk}/download/")
    assert isinstance(answer, Download)
    answer.file.close()
    header = answer["Content-Disposition"]
    assert header.startswith(('attachment; filename="a', "attachment; filename*=utf-8''"))
    assert header.replace('\\"', "").count('"') in (0, 2)
    assert "\n" not in header


def test_the_list_says_what_became_of_each(admin_client: Client, directory: Path) -> None:
    stored(directory / "it.tar")
    stored(directory / "gone.tar").path.unlink()
    stored(directory / "failed.tar", state=State.FAILED, error="no room <left>")
    page = admin_client.get(PAGE).content.decode()
    for words in ("its file is gone", "failed: no room &lt;left&gt;", "Back up now", "alknet restore FILE --check"):
        assert words in page
    stored(directory / "now.tar", state=State.RUNNING)
    page = admin_client.get(PAGE).content.decode()
    assert "A backup is under way" in page
    assert "Back up now" not in page


def test_a_backup_is_neither_added_nor_changed_nor_removed_by_hand(admin_client: Client, directory: Path) -> None:
    backup = stored(directory / "it.tar")
    for path in ("add/", f"{backup.pk}/delete/"):
        assert admin_client.post(PAGE + path, {"post": "yes"}).status_code == 403
    assert admin_client.post(f"{PAGE}{backup.pk}/change/", {"file": "/etc/passwd"}).status_code == 403
    backup.refresh_from_db()
    assert backup.path == directory / "it.tar"


def test_the_first_page_says_where_no_backups_come_about(
    client: Client, admin_client: Client, django_user_model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No backups are scheduled, and there is none" in admin_client.get("/").text
    known = settings.ALKNET
    daily = known.backup.model_copy(update={"every": 24})
    monkeypatch.setattr(settings, "ALKNET", known.model_copy(update={"backup": daily}))
    assert "Backups are scheduled, and there is none yet" in admin_client.get("/now/").text
    assert "No backups are scheduled" not in admin_client.get("/now/").text
    Backup.objects.create(state=State.FAILED, way=Way.SCHEDULE, file="/b/x.tar", error="no room")
    assert "failed: no room" in admin_client.get("/").text
    assert "failed: no room" in admin_client.get("/now/").text
    client.force_login(django_user_model.objects.create_user("visitor", is_staff=True))
    assert "no room" not in client.get("/").text
