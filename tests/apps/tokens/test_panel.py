"""The panel's pages of tokens: made within bounds, shown once, revoked by those whose they are."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.rights import Role
from apps.tokens import selectors, services
from apps.tokens.authentication import Authenticated, authenticate
from tests.support.accounts import add_user
from tests.support.panel import ALICE, audit

URL = "/tokens/apitoken/"


def form(**fields: Any) -> dict[str, Any]:
    blank = {"name": "ci", "rights": ["peers:read"], "owner": "", "networks": ""}
    return blank | {"expires_at_0": "2999-01-01", "expires_at_1": "00:00:00"} | fields


def desk(client: Client, role: Role) -> tuple[Client, User]:
    user = add_user(role)
    client.force_login(user)
    return client, user


def test_a_token_is_made_shown_once_and_revoked(panel: Client) -> None:
    answer = panel.post(f"{URL}add/", form(networks="10.0.0.0/8\n127.0.0.1"))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    text = re.search(r'id="secret">(alkr_[^<]+)<', answer.content.decode())
    assert text
    assert isinstance(authenticate(text[1], "10.1.2.3"), Authenticated)
    (token,) = selectors.list_tokens()
    for page in (URL, f"{URL}{token.id}/change/", f"{URL}{token.id}/history/"):
        shown = panel.get(page).content.decode()
        assert token.name in shown
        assert text[1] not in shown
    assert "2999-01-01" in panel.get(URL).content.decode()
    panel.post(f"{URL}{token.id}/delete/", {"post": "yes"})
    assert selectors.list_tokens() == []
    assert [action for _, action, _ in audit()] == ["token.created", "token.revoked"]


@pytest.mark.parametrize(
    ("field", "value"), [("rights", []), ("networks", "10.0.0.0/99"), ("expires_at_0", "2020-01-01"), ("name", " ")]
)
def test_what_is_wrong_is_shown_beside_its_field(panel: Client, field: str, value: Any) -> None:
    page = panel.post(f"{URL}add/", form(**{field: value})).content.decode()
    assert "errorlist" in page or "text-red" in page
    assert selectors.list_tokens() == []


def test_an_operator_makes_tokens_of_their_own_with_rights_of_their_own(db: None, client: Client) -> None:
    panel, user = desk(client, Role.OPERATOR)
    offered = panel.get(f"{URL}add/").content.decode()
    assert "tokens:write" in offered
    assert "users:write" not in offered
    for wrong in ({"owner": ""}, {"owner": "root"}, {"rights": ["users:write"]}):
        panel.post(f"{URL}add/", form(**{"owner": user.username} | wrong))
        assert selectors.list_tokens() == []
    panel.post(f"{URL}add/", form(owner=user.username))
    (mine,) = selectors.list_tokens()
    assert mine.owner == user.username


def test_an_operator_does_not_revoke_those_of_others(db: None, client: Client) -> None:
    others = services.create_token(actor=ALICE, name="theirs", rights=["peers:read"]).facts.id
    panel, user = desk(client, Role.OPERATOR)
    mine = services.create_token(actor=ALICE, name="mine", rights=["peers:read"], owner=user.username).facts.id
    assert panel.post(f"{URL}{others}/delete/", {"post": "yes"}).status_code == 403
    picked = {"action": "delete_selected", "_selected_action": [others, mine], "post": "yes"}
    panel.post(URL, picked)
    assert {token.id for token in selectors.list_tokens()} == {others, mine}
    panel.post(URL, picked | {"_selected_action": [mine]})
    assert [token.id for token in selectors.list_tokens()] == [others]


def test_no_filter_spells_the_digest_out(panel: Client) -> None:
    services.create_token(actor=ALICE, name="ci", rights=["peers:read"])
    assert panel.get(f"{URL}?digest__startswith=a").status_code in (302, 400)
