"""Every page of the panel, for every role: who has the right gets on, who has not is refused."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import RequestFactory
from django.urls import URLResolver, get_resolver, resolve

from apps.access import services as access
from apps.accounts.permissions import DJANGO_PERMISSIONS
from apps.accounts.rights import RIGHTS_OF, Right, Role
from apps.audit.models import AuditEntry
from apps.backups.models import Backup
from apps.backups.runner import RUNNER
from apps.enrolment import services as invites
from apps.forwarding import services as forwarding
from apps.locks import services as locks
from apps.peers import services as peers
from apps.tokens import services as tokens
from apps.tokens.models import ApiToken
from tests.support.accounts import add_user
from tests.support.credentials import insert
from tests.support.happenings import BOOT, imported
from tests.support.journal_records import Story
from tests.support.panel import ALICE, draft
from tests.support.panel_rights import ANY_ROLE, NEEDS, NOBODY, OPEN, SIGNED_IN, Need
from tests.support.screens.pages import NO_PAGES, ON_THE_WAY, screens
from tests.support.tables import KEPT_OF_WHOEVER_ASKS, written


def routes(resolver: Any = None, before: str = "") -> Iterator[str]:
    """Every URL of the panel, as its patterns spell it; tests/apps/rest/test_roles.py has those of REST."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = before + str(pattern.pattern)
        if route.strip("^").startswith("api"):
            continue
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield re.sub(r"app_label>[^)]*", "app_label>…", route)


def test_every_url_has_a_stated_right() -> None:
    assert set(routes()) == set(NEEDS), "tests/support/panel_rights.py states the right of each"


def test_every_url_is_a_page_that_is_looked_at_or_says_what_it_is(things: dict[str, Any]) -> None:
    assert set(NO_PAGES) | set(ON_THE_WAY) <= set(NEEDS), "tests/support/screens/pages.py names one that is gone"
    paths = [screen.path for screen in screens(things)]
    assert len(set(paths)) == len(paths)


def test_every_model_of_the_panel_has_a_stated_right() -> None:
    for model in admin.site._registry:
        meta = model._meta
        assert f"{meta.app_label}.view_{meta.model_name}" in DJANGO_PERMISSIONS, (
            "apps/accounts/permissions.py states it"
        )


def test_no_list_answers_to_a_question_that_none_of_its_filters_asks() -> None:
    """Such as what a hash begins with; or to an expression that holds up the process for as long as it likes."""
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    for model, pages in admin.site._registry.items():
        for column in (field.name for field in model._meta.concrete_fields):
            for question in ("startswith", "regex", "iregex", "in", "gt"):
                assert not pages.lookup_allowed(f"{column}__{question}", "a", request)


@pytest.fixture
def things(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One of everything that a page can be about, by the beginning of its route."""
    monkeypatch.setattr(RUNNER, "begin", lambda *_: None)
    peers.create_peer(actor=ALICE, draft=draft("laptop"))
    key = peers.create_api_key(actor=ALICE, description="", scopes=[], expires_at=None).entry.prefix
    insert("openai")
    token = tokens.create_token(actor=ALICE, name="ci", rights=["peers:read"]).facts.id
    ApiToken.objects.filter(pk=token).update(owner=Role.OPERATOR)  # who may revoke what is theirs
    (event, *_) = imported([Story().connected(1, "laptop")])
    grant = access.grant_access(actor=ALICE, peer_id="laptop", scopes=["b"], expires_at=time.time() + 60)
    return {
        "auth/user": add_user(None, "somebody").pk,
        "peers/peer": "laptop",
        "peers/apikey": key,
        "credentials/credential": "openai",
        "tokens/apitoken": token,
        "locks/lock": locks.lock(actor=ALICE, target_kind="peer", target="laptop", reason="").lock_id,
        "access/assertion": access.add_assertion(actor=ALICE, who="laptop", scopes=["a"], allowed=False).pk,
        "access/grant": grant.pk,
        "forwarding/rule": forwarding.add_rule(actor=ALICE, action="allow", target="x").pk,
        "panel/savedfilter": 1,
        "enrolment/invite": invites.create_invite(actor=ALICE, address="a:1", node=f"ed25519:{7:064x}").facts.invite_id,
        "audit/auditentry": AuditEntry.objects.latest("pk").pk,
        "backups/backup": Backup.objects.create(file="/nowhere", state="done", way="panel", made_by="ann").pk,
        "activity/event": event.pk,
        "activity/connection": 1,
    }


def address(route: str, things: dict[str, Any]) -> str:
    """A real address of a route."""
    which = quote(next((value for begin, value in things.items() if route.startswith(begin)), "x"))
    path = re.sub(r"\(\?P<app_label>[^)]*\)", "peers", route).replace("(?P<url>.*)$", "nowhere/").strip("^$")
    return "/" + re.sub(
        r"<str:boot>", BOOT, re.sub(r"<(path:object_id|id|int:pk|int:number|str:claim_id|str:key)>", str(which), path)
    )


def refused(method: str, path: str, user: Any) -> bool:
    """Whether the view of an address refuses this user, or knows no such method. Nothing is rendered: that is cheap."""
    request = getattr(RequestFactory(), method)(path)
    request.user, request.session, request._dont_enforce_csrf_checks = user, SessionStore(), True
    request._messages = CookieStorage(request)
    view = resolve(path)
    request.resolver_match = view
    try:
        answer = view.func(request, *view.args, **view.kwargs)
    except PermissionDenied:
        return True
    except Http404:
        return False
    return answer.status_code in (403, 405)


def may(role: Role, need: Need) -> bool:
    return need in (OPEN, ANY_ROLE, SIGNED_IN) or (need != NOBODY and need in RIGHTS_OF[role])


@pytest.mark.parametrize("role", Role)
def test_a_role_does_what_its_rights_allow_and_nothing_else(things: dict[str, Any], role: Role) -> None:
    user = add_user(role)
    wrong = []
    for route, needs in NEEDS.items():
        for method, need in zip(("get", "post"), needs, strict=True):
            if (
                OPEN not in needs
                and SIGNED_IN not in needs
                and (refused(method, address(route, things), user) == may(role, need))
            ):
                wrong.append((method, route, need))
    assert wrong == []


@pytest.mark.parametrize("who", ["nobody", "no role", "disabled"])
def test_whoever_has_no_role_is_led_to_the_sign_in_page(things: dict[str, Any], client: Any, who: str) -> None:
    if who != "nobody":
        user = add_user(None if who == "no role" else Role.OWNER)
        client.force_login(user)
        type(user).objects.filter(pk=user.pk).update(is_active=who != "disabled")
    for route, needs in NEEDS.items():
        if OPEN not in needs and (who == "nobody" or SIGNED_IN not in needs):
            answer = client.get(address(route, things))
            assert answer.status_code == 302, route
            assert answer["Location"].startswith(("/login/", "/account/login/")), route


@pytest.mark.parametrize("role", Role)
def test_a_refused_post_writes_nothing(things: dict[str, Any], role: Role) -> None:
    user = add_user(role)
    before = written(besides=KEPT_OF_WHOEVER_ASKS)
    for route, (_, need) in NEEDS.items():
        if not may(role, need):
            assert refused("post", address(route, things), user), route
            assert written(besides=KEPT_OF_WHOEVER_ASKS) == before, route


def test_every_right_is_somebodys_and_a_stranger_has_none() -> None:
    assert RIGHTS_OF[Role.OWNER] == set(Right)
    assert not any(user.has_perm(name) for user in [AnonymousUser()] for name in DJANGO_PERMISSIONS)
