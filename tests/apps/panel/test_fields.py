"""Fields that are checked while one types: what the services would say, said early, and nothing written."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.panel.field_pages import MAX_CHECKED
from node.core.fingerprint import spellings
from node.core.peers import PeerEntry
from tests.support.panel import audit, fingerprint, pem, ssh_line

AddPeer = Callable[..., PeerEntry]


@pytest.fixture
def says(panel: Client) -> Callable[..., str]:
    def ask(kind: str, text: str, besides: str = "", field: str = "it") -> str:
        sent = {field: text, "checked_field": field, "checked_besides": besides}
        return panel.post(f"/fields/{kind}/check/", sent).content.decode()

    return ask


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("peer_id", " laptop", "Not so: A name has no control characters"),
        ("peer_id", "taken", "Not so: There is a peer “taken” already."),
        ("planned_peer_id", "taken", "There is a peer “taken” already."),
        ("keys", "nonsense", "Not so: Key 1: expected an ssh-ed25519 line"),
        ("scopes", "a b", "Not so: A scope has no spaces or commas"),
        ("scopes", "a, b\nb", "2 scopes."),
        ("scopes", "git:*", "A * in a scope is a letter like any other."),
        ("resources", "{", "Not so: Not valid JSON"),
        ("resources", '{"repo": "web"}', "Not so: The resources of kind “repo” are a list"),
        ("resources", '{"repo": ["web", "docs"]}', "2 of kind repo."),
        ("moment", "1999-01-01 00:00", "Not so: This moment has passed already."),
        ("moment", "x", "Not so: Enter a valid date."),
        ("moment", "2998-01-01 00:00:00", "Monday, 01 January 2998, 00:00 UTC."),
        ("networks", "10.0.0.0/8\nnowhere", "Not so: “nowhere” is no network"),
        ("networks", "10.1.2.3/8", "10.1.2.3/8 is stored as 10.0.0.0/8: 16,777,216 addresses"),
        ("token_name", " x", "Not so: A name has no control characters"),
    ],
)
def test_each_kind_says_what_the_services_would(
    says: Callable[..., str], add_peer: AddPeer, forget_audit: Callable[[], None], kind: str, text: str, words: str
) -> None:
    add_peer("taken")
    forget_audit()
    assert words in says(kind, text)
    assert audit() == []


def test_a_star_in_a_scope_of_a_handler_is_no_letter(says: Callable[..., str]) -> None:
    told = says("scopes", "ssh:exec:*")
    assert "1 scope." in told
    assert "letter" not in told


def test_every_key_is_shown_in_every_spelling_with_its_kind(says: Callable[..., str]) -> None:
    told = says("keys", f"{ssh_line(1)}\n{pem(2)}\n{fingerprint(3)}")
    for n, kind in ((1, "an OpenSSH key"), (2, "a PEM public key"), (3, "a fingerprint")):
        assert f"Key {n}: {kind}" in told
        key = spellings(fingerprint(n))
        assert key.fingerprint in told
        assert f"<dd>{key.openssh}</dd>" in told
    assert "alknet-says-wrong" not in told


def test_a_key_of_another_peer_is_refused_and_ones_own_is_not(says: Callable[..., str], add_peer: AddPeer) -> None:
    mine = add_peer("laptop").fingerprints[0]
    add_peer("phone")
    assert "belongs to the peer “laptop”" in says("keys", mine)
    assert "belongs to the peer “laptop”" in says("keys", mine, besides="phone")
    assert "alknet-says-wrong" not in says("keys", mine, besides="laptop")


def test_a_new_name_is_announced_and_the_old_one_is_fine(says: Callable[..., str], add_peer: AddPeer) -> None:
    add_peer("laptop")
    assert says("peer_id", "laptop", besides="laptop").strip() == ""
    assert "Saving gives “laptop” this name everywhere." in says("peer_id", "other", besides="laptop")


def test_a_peer_that_is_gone_meanwhile_is_told(says: Callable[..., str]) -> None:
    assert "Not so:" in says("scopes", "a", besides="gone")


def test_a_day_and_a_time_are_two_fields(panel: Client) -> None:
    sent = {"e_0": "2998-01-01", "e_1": "10:30", "checked_field": "e"}
    assert "10:30 UTC" in panel.post("/fields/moment/check/", sent).content.decode()


def test_what_is_empty_or_long_is_not_judged(says: Callable[..., str]) -> None:
    assert says("keys", "  ").strip() == ""
    assert "checked when it is saved" in says("keys", "x" * (MAX_CHECKED + 1))


def test_what_is_typed_is_never_markup(says: Callable[..., str]) -> None:
    assert "<script>" not in says("networks", "<script>") + says("scopes", "<script>") + says("keys", "<script>")


def test_another_kind_is_not_there_and_looking_is_not_checking(panel: Client) -> None:
    assert panel.post("/fields/nothing/check/").status_code == 404
    assert panel.get("/fields/keys/check/").status_code == 405


@pytest.mark.parametrize(
    ("page", "kinds"),
    [
        ("/peers/peer/add/", ["peer_id", "keys", "scopes", "resources", "moment"]),
        ("/peers/apikey/add/", ["scopes", "moment"]),
        ("/enrolment/invite/add/", ["planned_peer_id", "scopes", "resources", "moment"]),
        ("/tokens/apitoken/add/", ["token_name", "networks", "moment"]),
    ],
)
def test_every_form_asks_by_the_same_means(panel: Client, page: str, kinds: list[str]) -> None:
    text: Any = panel.get(page).content.decode()
    for kind in kinds:
        assert f'hx-post="/fields/{kind}/check/"' in text
    assert re.search(r'<script src="[^"]*panel/fields[^"]*" type="module">', text)


def test_the_pages_of_their_own_ask_too(panel: Client, add_peer: AddPeer) -> None:
    add_peer("laptop")
    rotation = panel.get("/peers/peer/laptop/rotate-key/").content.decode()
    assert 'hx-post="/fields/keys/check/"' in rotation
    assert "&quot;checked_besides&quot;: &quot;laptop&quot;" in rotation
    many = panel.post("/peers/peer/", {"action": "add_scopes", "_selected_action": ["laptop"]}).content.decode()
    for page in (rotation, many):
        assert re.search(r'<script src="[^"]*panel/fields[^"]*" type="module">', page)
