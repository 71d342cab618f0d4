"""Signing in by an identity provider, a real one on the loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.test import Client

from alknet_site.security_headers import _form_action
from apps.accounts.rights import Role
from apps.accounts.selectors import role_of
from apps.audit.models import AuditEntry
from node.settings.panel import OidcSettings
from tests.support.accounts import add_user
from tests.support.identity_provider import SECRET, Provider, identity_provider
from tests.support.panel import audit
from tests.support.signing_in import PASSWORD, sign_in, with_app

LOGIN = "/account/oidc/oidc/login/"
IDENTITIES = "/account/identities/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: Any, tmp_path: Path) -> Iterator[Provider]:
    with identity_provider() as provider:
        file = tmp_path / "secret"
        file.write_text(SECRET + "\n")
        use(settings, issuer=provider.issuer, client_id="panel", client_secret_file=file, name="Example")
        yield provider


def use(settings: Any, **values: Any) -> None:
    known = settings.ALKNET
    oidc = OidcSettings(**{**known.panel.oidc.model_dump(), **values})
    settings.ALKNET = known.model_copy(update={"panel": known.panel.model_copy(update={"oidc": oidc})})


def go(client: Client, provider: Provider, **how: Any) -> Any:
    """From the button to the way back, and where that leads."""
    began = client.post(LOGIN + ("?process=connect" if how.get("connect") else ""))
    assert began["Location"].startswith(f"{provider.issuer}/authorize?"), began["Location"]
    return client.get(provider.consent(began["Location"]).replace("http://testserver", ""))


def test_without_a_provider_there_is_none(client: Client) -> None:
    add_user(Role.OWNER)
    assert client.post(LOGIN).status_code == 404
    assert "Sign in with Example" not in client.get("/account/login/").content.decode()


def test_the_page_offers_it_and_its_form_may_lead_there(client: Client, provider: Provider) -> None:
    add_user(Role.OWNER)
    assert "Sign in with Example" in client.get("/account/login/").content.decode()
    assert _form_action() == f"form-action 'self' {provider.issuer}"


def test_whom_the_panel_does_not_know_gets_nowhere(client: Client, provider: Provider) -> None:
    page = go(client, provider)
    assert "this panel does not" in page.content.decode()
    assert (User.objects.count(), audit()) == (0, [])


@pytest.mark.parametrize(("role", "expected"), [("", None), ("viewer", Role.VIEWER)])
def test_where_users_are_made_they_have_the_role_of_the_settings(
    client: Client, provider: Provider, settings: Any, role: str, expected: Role | None
) -> None:
    use(settings, create_users=True, role=role)
    assert go(client, provider)["Location"] == "/"
    user = User.objects.get()
    assert (user.username, role_of(user), user.has_usable_password(), user.email) == ("ann", expected, False, "")
    assert [action for _, action, _ in audit()] == ["user.identity_added", "user.added", "user.signed_in"]
    assert SocialAccount.objects.get().extra_data == {}, "nothing else of them is kept"
    assert client.get("/").status_code == (302 if expected is None else 200)
    go(Client(), provider)
    assert [action for _, action, _ in audit()][3:] == ["user.signed_in"]


def test_a_user_of_the_same_name_is_somebody_else(client: Client, provider: Provider, settings: Any) -> None:
    use(settings, create_users=True, role="viewer")
    owner = add_user(Role.OWNER, "ann", PASSWORD)
    owner.email = "ann@example.org"
    owner.save()
    go(client, provider)
    assert User.objects.count() == 2
    assert client.session["_auth_user_id"] != str(owner.pk)


def test_an_identity_is_tied_to_ones_account_by_a_row_and_signs_in_from_then_on(
    client: Client, provider: Provider
) -> None:
    ann = add_user(Role.OPERATOR, "bea", PASSWORD)
    sign_in(client, "bea")
    assert go(client, provider, connect=True)["Location"] == IDENTITIES
    other = Client()
    go(other, provider)
    assert other.session["_auth_user_id"] == str(ann.pk)
    assert other.get("/").status_code == 200
    client.post(IDENTITIES, {"account": SocialAccount.objects.get().pk})
    changes = AuditEntry.objects.exclude(action="user.signed_in").values_list("action", flat=True)
    assert sorted(changes) == ["user.identity_added", "user.identity_removed"]
    assert "this panel does not" in go(Client(), provider).content.decode()


def test_to_tie_one_takes_a_fresh_proof(client: Client, provider: Provider, settings: Any) -> None:
    settings.STEP_UP_SECONDS = 600
    add_user(Role.OPERATOR, "bea", PASSWORD)
    sign_in(client, "bea")
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 601
    session.save()
    for answer in (client.post(f"{LOGIN}?process=connect"), client.post(LOGIN, {"process": "connect"})):
        assert answer["Location"].startswith("/account/reauthenticate/")


def test_the_second_factor_is_asked_for_all_the_same(client: Client, provider: Provider) -> None:
    bea = add_user(Role.OPERATOR, "bea", PASSWORD)
    sign_in(client, "bea")
    go(client, provider, connect=True)
    with_app(bea)
    other = Client()
    assert go(other, provider)["Location"] == "/account/2fa/authenticate/"
    assert other.get("/").status_code == 302


def test_a_provider_that_is_not_there_or_a_secret_that_is_not_is_a_page(
    client: Client, provider: Provider, settings: Any, tmp_path: Path
) -> None:
    back = provider.consent(client.post(LOGIN)["Location"]).replace("http://testserver", "")
    (tmp_path / "secret").unlink()
    assert client.get(back).status_code == 502
    assert client.post(LOGIN).status_code == 502
    (tmp_path / "secret").write_text(SECRET)
    use(settings, issuer="http://127.0.0.1:9")
    assert client.post(LOGIN).status_code == 502


@pytest.mark.parametrize("wrong", ["state", "code", "secret", "subject"])
def test_a_wrong_answer_signs_nobody_in(
    client: Client, provider: Provider, settings: Any, wrong: str, tmp_path: Path
) -> None:
    use(settings, create_users=True)
    back = provider.consent(client.post(LOGIN)["Location"]).replace("http://testserver", "")
    if wrong == "secret":
        (tmp_path / "secret").write_text("another")
    elif wrong == "subject":
        provider.person = {}
    else:
        back = back.replace(f"{wrong}=", f"{wrong}=x")
    page = client.get(back)
    assert "_auth_user_id" not in client.session
    assert (User.objects.count(), audit()) == (0, [])
    assert SECRET not in page.content.decode()


def test_whoever_turns_back_there_is_told_that_nobody_was_signed_in(client: Client) -> None:
    add_user(Role.OWNER)
    shown = client.get(f"{IDENTITIES}cancelled/")
    assert shown.status_code == 200
    assert "The identity provider did not say who you are." in shown.content.decode()
