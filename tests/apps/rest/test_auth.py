"""Who may call: tokens with their bounds, sessions with CSRF, and nobody else."""

import time
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from apps.accounts.rights import Role
from apps.tokens import services
from apps.tokens.throttle import FAILED, FAILURES
from tests.support.accounts import add_user
from tests.support.panel import ALICE, rows
from tests.support.rest import BASE, Caller, problem_of, token_with
from tests.support.signing_in import PASSWORD, sign_in


def test_nobody_is_asked_for_a_token(db: None) -> None:
    refused = Caller(None).get("/peers")
    problem_of(refused, 401)
    assert refused["WWW-Authenticate"].startswith("Bearer")


def test_a_token_may_what_its_rights_say(db: None) -> None:
    reader, writer = Caller(token_with("peers:read")), Caller(token_with("peers:write"))
    assert "peers:write" in problem_of(reader.call("PUT", "/peers/x", {}), 403)["detail"]
    assert rows() == {}
    assert reader.get("/peers").status_code == 200
    assert writer.call("PUT", "/peers/x", {}).status_code == 201
    assert writer.get("/peers").status_code == 200, "to write is to read"
    problem_of(writer.get("/api-keys"), 403)


def test_every_token_that_is_not_taken_is_answered_alike(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    good = token_with()
    elsewhere = token_with(networks=["10.0.0.0/8", "2001:db8::/32"])
    (revoked,) = [token_with()]
    services.revoke_tokens(actor=ALICE, ids=[revoked.split("_")[1]])
    late = token_with(expires_at=int(time.time()) + 60)
    monkeypatch.setattr("apps.tokens.selectors.time.time", lambda: time.monotonic() + 1e10)
    other = good[:-1] + ("A" if good[-1] != "A" else "B")
    answers = set()
    for text in ("", "x", "alkr_", other, elsewhere, revoked, late, good + "\x00", good.upper()):
        answers.add(problem_of(Caller(text or "-").get("/peers"), 401)["detail"])
    assert len(answers) == 1
    assert Caller(good).get("/peers").status_code == 200


def test_an_address_that_keeps_failing_is_told_to_wait(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FAILED, "fail", partial(FAILED.fail, now=time.monotonic()))  # tries may take long
    good = Caller(token_with())
    for _ in range(FAILURES):
        problem_of(Caller("wrong").get("/peers"), 401)
    refused = Caller("wrong").get("/peers")
    problem_of(refused, 429)
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert good.get("/peers").status_code == 200, "others behind the same proxy go on"


def test_a_token_may_no_more_than_its_owner(db: None) -> None:
    root = User.objects.create_superuser("root")
    caller = Caller(token_with(owner="root"))
    assert caller.get("/peers").status_code == 200
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    problem_of(caller.get("/peers"), 403)
    User.objects.filter(pk=root.pk).update(is_superuser=True, is_active=False)
    problem_of(caller.get("/peers"), 401)
    root.delete()
    problem_of(caller.get("/peers"), 401)


def test_a_session_takes_the_csrf_token_to_change_anything(db: None) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("root"))
    assert browser.get(f"{BASE}/peers").status_code == 200
    sent = {"content_type": "application/json", "data": "{}"}
    problem_of(browser.put(f"{BASE}/peers/x", **sent), 403)  # type: ignore[arg-type]
    browser.get("/")
    token = browser.cookies["csrftoken"].value
    assert browser.put(f"{BASE}/peers/x", **sent, headers={"X-CSRFToken": token}).status_code == 201


def test_a_session_that_was_proven_long_ago_changes_nothing(db: None, settings: Any) -> None:
    settings.STEP_UP_SECONDS = 600
    add_user(Role.OWNER, "ann", PASSWORD)
    client = Client()
    sign_in(client, "ann")
    assert client.delete("/api/v1/peers/nobody").status_code == 404
    session = client.session
    for one in session["account_authentication_methods"]:
        one["at"] -= 601
    session.save()
    refused = client.delete("/api/v1/peers/nobody")
    assert (refused.status_code, "fresh proof" in refused.json()["detail"]) == (403, True)
    assert client.get("/api/v1/peers").status_code == 200


def test_a_session_does_not_stand_in_for_a_bad_token(db: None) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    for shown in ("Bearer wrong", "Basic cm9vdDpyb290", ""):
        problem_of(browser.get(f"{BASE}/peers", headers={"Authorization": shown}), 401)  # type: ignore[arg-type]
