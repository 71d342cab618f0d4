"""Credentials in the panel: contents go in and never come out."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.rights import Role
from apps.credentials import selectors
from apps.credentials.admin import rotation
from node.core.credentials import MAX_CONTENT
from tests.support.accounts import desk_of
from tests.support.credentials import insert, stored
from tests.support.panel import audit
from tests.support.vault_node import VaultNode, opened

LIST = "/credentials/credential/"
ADD = f"{LIST}add/"
ROTATE = f"{LIST}rotate/"
CANARY = "sk-canary-7f3a91"


def text(client: Client, path: str) -> str:
    return client.get(path, follow=True).content.decode()


def content_of(provider: str) -> str:
    blob = selectors.find_blob(provider)
    assert blob is not None
    return opened(blob)


def test_a_new_credential_is_sealed_listed_and_never_shown(panel: Client, node: VaultNode) -> None:
    response = panel.post(ADD, {"provider": "openai", "content": CANARY}, follow=True)

    assert response.redirect_chain == [(LIST, 302)]
    assert content_of("openai") == CANARY
    assert audit() == [("admin", "credential.added", "openai")]
    assert stored()["openai"]["changed_by"] == "admin"
    pages = [text(panel, path) for path in (LIST, f"{LIST}openai/change/", f"{LIST}openai/history/", "/")]
    for page in (response.content.decode(), *pages):
        assert "openai" in page
        assert CANARY not in page
    assert "added the credential" in text(panel, f"{LIST}openai/history/")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (f"{CANARY}\r\n", CANARY),
        ("one\r\ntwo\r\n\r\n", "one\ntwo\n"),
        ("  spaces  ", "  spaces  "),
        ("x" * MAX_CONTENT, "x" * MAX_CONTENT),
    ],
)
def test_a_content_is_what_was_typed_but_for_the_line_ends_of_browsers(
    panel: Client, node: VaultNode, sent: str, kept: str
) -> None:
    panel.post(ADD, {"provider": "openai", "content": sent})
    assert content_of("openai") == kept


def test_replacing_needs_no_name_and_cannot_change_it(panel: Client, node: VaultNode) -> None:
    insert("openai")
    response = panel.post(f"{LIST}openai/change/", {"provider": "github", "content": CANARY})

    assert response.status_code == 302
    assert list(stored()) == ["openai"]
    assert content_of("openai") == CANARY
    assert audit() == [("admin", "credential.replaced", "openai")]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"content": CANARY}, "provider"),
        ({"provider": " x", "content": CANARY}, "provider"),
        ({"provider": "x" * 256, "content": CANARY}, "provider"),
        ({"provider": "taken", "content": CANARY}, "provider"),
        ({"provider": "x"}, "content"),
        ({"provider": "x", "content": "\r\n"}, "content"),
        ({"provider": "x", "content": CANARY + "x" * MAX_CONTENT}, "content"),
    ],
)
def test_wrong_input_is_a_field_error_that_repeats_no_content(
    panel: Client, node: VaultNode, sent: dict[str, str], field: str
) -> None:
    insert("taken")
    before = stored()
    response = panel.post(ADD, sent)

    assert list(response.context["adminform"].form.errors) == [field]
    page = response.content.decode()
    assert CANARY not in page
    assert ("Put it in again" in page) is ("content" in sent)
    assert (stored(), audit()) == (before, [])


def test_the_field_is_of_dots_and_no_browser_fills_it(panel: Client, node: VaultNode) -> None:
    page = text(panel, ADD)
    area = page[page.index('<textarea name="content"') :]
    assert "alknet-concealed" in area[: area.index(">")]
    assert 'autocomplete="off"' in area[: area.index(">")]


def test_a_locked_vault_is_said_before_and_after_and_nothing_is_saved(panel: Client, node: VaultNode) -> None:
    node.tell("lock")
    for path in (LIST, ADD):
        assert "alknet vault unlock" in text(panel, path)
    page = panel.post(ADD, {"provider": "openai", "content": CANARY}).content.decode()

    assert "alknet vault unlock. Nothing was saved." in page
    assert 'value="openai"' in page, "what is no secret stays"
    assert "Put it in again" in page
    assert "correct the error" not in page
    assert CANARY not in page
    assert (stored(), audit()) == ({}, [])


def test_removing_one_and_many(panel: Client) -> None:
    for name in ("a", "b/c", "d"):
        insert(name)
    page = text(panel, f"{LIST}a/delete/")
    assert "cannot be brought back" in page
    panel.post(f"{LIST}a/delete/", {"post": "yes"})
    panel.post(LIST, {"action": "delete_selected", "_selected_action": ["b/c", "d"], "post": "yes"})

    assert stored() == {}
    assert sorted(audit()) == [("admin", "credential.removed", name) for name in ("a", "b/c", "d")]


def test_all_are_rotated_step_by_step(panel: Client, node: VaultNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation, "STEP", 2)
    for name in "abcde":
        panel.post(ADD, {"provider": name, "content": f"content of {name}"})
    asked = panel.get(ROTATE)
    assert "all 5 credentials to version 3" in asked.content.decode()
    assert set(selectors.key_versions().values()) == {2}, "to look changes nothing"

    wish: dict[str, Any] = {"to": "3", "all": "yes"}
    for done in (2, 4):
        step = panel.post(ROTATE, wish)
        assert f"{done} of 5" in step.content.decode()
        assert sorted(selectors.key_versions().values()) == [2] * (5 - done) + [3] * done
    last = panel.post(ROTATE, wish, follow=True)
    assert last.redirect_chain == [(LIST, 302)]
    assert "5 credentials are under version 3 of the key now." in last.content.decode()
    assert [content_of(name) for name in "abcde"] == [f"content of {name}" for name in "abcde"]
    assert audit()[5:] == [("admin", "credential.rotated", name) for name in "abcde"]


def test_only_the_selected_are_rotated(panel: Client, node: VaultNode) -> None:
    for name in "abc":
        panel.post(ADD, {"provider": name, "content": CANARY})
    page = panel.post(LIST, {"action": "rotate_selected", "_selected_action": ["a", "c"]}).content.decode()
    assert "Rotate 2 credentials to version 3" in page
    assert 'name="provider" value="a"' in page
    panel.post(ROTATE, {"to": "3", "provider": ["a", "c"]})

    assert selectors.key_versions() == {"a": 3, "b": 2, "c": 3}
    page = text(panel, ROTATE)
    assert "Rotate 1 more credential to version 3" in page, "what is left of an unfinished rotation"
    assert "2 are under that version already" in page


def test_a_rotation_tells_what_cannot_be_opened_and_ends(
    panel: Client, node: VaultNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "STEP", 1)
    insert("foreign")
    panel.post(ADD, {"provider": "ours", "content": CANARY})
    step = panel.post(ROTATE, {"to": "3", "all": "yes"})
    assert 'name="failed" value="foreign"' in step.content.decode()
    last = panel.post(ROTATE, {"to": "3", "all": "yes", "failed": "foreign"}, follow=True)

    assert "could not open foreign" in last.content.decode()
    assert selectors.key_versions() == {"foreign": 2, "ours": 3}


def test_a_database_of_another_vault_is_not_tried_to_its_end(
    panel: Client, node: VaultNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "MAX_FAILED", 20)
    for number in range(30):
        insert(f"foreign {number:02}")
    page = panel.post(ROTATE, {"to": "3", "all": "yes"}, follow=True).content.decode()

    assert "could not open foreign 00, foreign 01, foreign 02, foreign 03, foreign 04, and 15 more" in page
    assert "The other 10 were not tried." in page
    assert set(selectors.key_versions().values()) == {2}


def test_a_rotation_stops_with_a_sentence_when_the_vault_is_locked(panel: Client, node: VaultNode) -> None:
    panel.post(ADD, {"provider": "a", "content": CANARY})
    node.tell("lock")
    page = panel.post(ROTATE, {"to": "3", "all": "yes"}).content.decode()

    assert "Stopped at 0 of 1" in page
    assert "alknet vault unlock" in page
    assert "data-going" not in page
    assert selectors.key_versions() == {"a": 2}


@pytest.mark.parametrize("to", ["", "x", "1", "-3", "٣", "9" * 40])
def test_a_forged_version_is_refused(panel: Client, to: str) -> None:
    insert("a")
    page = panel.post(ROTATE, {"to": to, "all": "yes"}, follow=True).content.decode()
    assert "Nothing more was rotated" in page
    assert selectors.key_versions() == {"a": 2}


@pytest.mark.parametrize("column", ["salt", "iv", "data"])
def test_the_list_is_not_searched_by_what_is_sealed(panel: Client, column: str) -> None:
    insert("a")
    assert panel.get(f"{LIST}?{column}__startswith=x").status_code == 400


def test_who_may_only_view_sees_names_and_has_no_field_for_a_content(db: None) -> None:
    insert("openai")
    viewer = desk_of(Role.AUDITOR)

    assert "openai" in text(viewer, LIST)
    assert "Rotate all" not in text(viewer, LIST)
    assert "rotate_selected" not in text(viewer, LIST)
    assert "<textarea" not in text(viewer, f"{LIST}openai/change/")
    before = stored()
    assert viewer.post(f"{LIST}openai/change/", {"content": CANARY}).status_code == 403
    assert viewer.post(ADD, {"provider": "x", "content": CANARY}).status_code == 403
    assert viewer.post(ROTATE, {"to": "3", "all": "yes"}).status_code == 403
    assert viewer.post(f"{LIST}openai/delete/", {"post": "yes"}).status_code == 403
    assert stored() == before


def test_without_a_credential_there_is_nothing_to_rotate(panel: Client) -> None:
    assert "Rotate all" not in text(panel, LIST)
    assert "There is nothing to rotate" in text(panel, ROTATE)
    insert("a")
    assert "Rotate all" in text(panel, LIST)


def test_who_may_see_nothing_sees_nothing(db: None) -> None:
    insert("openai")
    guest = desk_of(Role.VIEWER)
    assert guest.get(LIST).status_code == 403
    assert LIST not in text(guest, "/")
