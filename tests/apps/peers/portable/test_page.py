"""The panel's page: a file, what it would do, and then that and nothing else."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.access.models import Grant
from apps.access.services import add_assertion
from apps.accounts.rights import Role
from apps.activity import selectors
from apps.activity.models import Connection
from apps.peers import services
from apps.peers.portable import carried
from tests.support.accounts import add_user
from tests.support.panel import ALICE, audit, draft, rows, text

PAGE = "/peers/peer/files/"
FILE = b"peer_id,scopes\nlaptop,git:read\n<b>new</b>,x\n"


def upload(panel: Client, data: bytes = FILE, name: str = "peers.csv", **fields: str) -> Any:
    return panel.post(PAGE, {"file": SimpleUploadedFile(name, data), **fields})


def hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def test_a_file_is_shown_first_and_then_imported(panel: Client) -> None:
    services.create_peer(actor=ALICE, draft=draft("laptop", scopes=["x"]))
    services.create_peer(actor=ALICE, draft=draft("old"))
    before = rows()
    shown = upload(panel, replace="yes").content.decode()
    assert rows() == before
    assert "1 to add, 1 to change, 1 to remove" in shown
    assert "scopes: −x +git:read" in shown
    assert "&lt;b&gt;new" in shown
    sent = hidden(shown)
    answer = panel.post(PAGE, sent, follow=True)
    assert "Imported: 1 added, 1 changed, 1 removed." in answer.content.decode()
    assert set(rows()) == {"laptop", "<b>new</b>"}
    assert [who for who, _, _ in audit()[-3:]] == ["admin"] * 3


def test_what_an_import_closes_and_takes_along_is_shown(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "node_runs", lambda: True)
    for number, name in enumerate(("laptop", "old")):
        services.create_peer(actor=ALICE, draft=draft(name))
        Connection.objects.create(boot="b", connection=number, peer_id=name, alpn="h3", since=datetime.now(UTC))
        Grant.objects.create(peer_id=name, scopes=["x"], expires_at=time.time() + 3600)
    shown = upload(panel, b"peer_id,enabled\nlaptop,no\n", replace="yes").content.decode()
    assert "<strong>2</strong> open connections will close" in shown
    for reason in ("revoked: peer disabled", "revoked: peer removed", "Grant of old: x, until 2"):
        assert reason in shown
    assert "Grant of laptop" not in shown
    assert "No open connection closes" in upload(panel, b"peer_id,scopes\nlaptop,a\n").content.decode()
    monkeypatch.setattr(selectors, "node_runs", lambda: False)
    assert "which connections are open is not known" in upload(panel, FILE).content.decode()


def test_what_changed_in_between_is_shown_again(panel: Client) -> None:
    sent = hidden(upload(panel).content.decode())
    services.create_peer(actor=ALICE, draft=draft("laptop"))
    before = rows()
    answer = panel.post(PAGE, sent).content.decode()
    assert rows() == before
    assert "Peers were changed since this was shown" in answer
    panel.post(PAGE, hidden(answer))
    assert len(rows()) == 2


def test_an_assertion_that_stands_against_a_file_is_told(panel: Client) -> None:
    services.create_peer(actor=ALICE, draft=draft("laptop", scopes=["fs:read"]))
    add_assertion(actor=ALICE, who="laptop", scopes=["fs:read"])
    answer = panel.post(PAGE, hidden(upload(panel).content.decode())).content.decode()
    assert "It is asserted that laptop must keep fs:read" in answer
    assert rows()["laptop"]["scopes"] == ["fs:read"]


def test_what_is_wrong_is_told_by_row(panel: Client) -> None:
    assert "row 4" in upload(panel, FILE + b"x\n").content.decode()
    assert "does not tell the format" in upload(panel, name="peers").content.decode()
    assert "Choose a file" in panel.post(PAGE, {}).content.decode()
    sent = hidden(upload(panel).content.decode())
    for packed in ("junk", carried.pack(b"x" * 10_000_000), sent["packed"][:20]):
        assert "It did not come whole" in panel.post(PAGE, sent | {"packed": packed}).content.decode()
    assert rows() == {}


def test_who_may_only_look_may_export_only(client: Client, db: None) -> None:
    client.force_login(add_user(Role.VIEWER))
    assert "Show what would change" not in text(client, PAGE)
    assert client.get(f"{PAGE}export/csv/").content.startswith(b"peer_id,")
    assert client.get(f"{PAGE}export/junk/").status_code == 404
    assert upload(client).status_code == 403
    assert rows() == {}
