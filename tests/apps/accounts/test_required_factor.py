"""Roles that nobody has without a second factor."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.rights import Role
from apps.accounts.selectors import rights_of
from apps.activity.viewers import viewer
from tests.support.accounts import add_user
from tests.support.signing_in import PASSWORD, sign_in, with_app

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def owners_and_operators(settings: Any) -> None:
    known = settings.ALKNET
    panel = known.panel.model_copy(update={"second_factor_for": ("owner", "operator")})
    settings.ALKNET = known.model_copy(update={"panel": panel})


def test_who_lacks_it_is_led_to_where_it_is_added_and_sees_nothing_else(client: Client) -> None:
    add_user(Role.OPERATOR, "ann", PASSWORD)
    sign_in(client, "ann")
    for path in ("/", "/peers/peer/", "/health/"):
        page = client.get(path, follow=True)
        assert page.redirect_chain[-1][0] == "/account/2fa/", path
        assert "Your role takes a second factor" in page.content.decode()
    assert client.get("/account/2fa/app/").status_code == 200
    assert viewer(str(client.session.session_key)) is None, "nor does an open page hear anything"


def test_who_has_it_is_what_they_are(client: Client) -> None:
    ann = add_user(Role.OPERATOR, "ann")
    assert rights_of(ann) == frozenset()
    with_app(ann)
    assert rights_of(type(ann).objects.get(pk=ann.pk))


def test_other_roles_are_not_asked_and_superusers_are(client: Client, admin_user: Any) -> None:
    assert rights_of(add_user(Role.VIEWER))
    client.force_login(admin_user)
    assert rights_of(admin_user) == frozenset()
    assert client.get("/peers/peer/").status_code == 302
    assert viewer(str(client.session.session_key)) is None
