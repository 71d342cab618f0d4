"""The panel's side bar."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.rights import Right
from apps.accounts.selectors import rights_of
from apps.enrolment.selectors import count_queued


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; a user sees those that they may view."""
    return [
        {"items": [_link("Dashboard", "home", "admin:index"), _link("Health", "monitor_heart", "health")]},
        {
            "title": "What happens",
            "items": [
                _model(request, "Activity", "timeline", "activity", "event"),
                _model(request, "Live connections", "lan", "activity", "connection"),
            ],
        },
        {
            "title": "Access",
            "items": [
                _model(request, "Peers", "devices", "peers", "peer"),
                _model(request, "API keys", "key", "peers", "apikey"),
                _model(request, "Invitations", "person_add", "enrolment", "invite"),
                _model(request, "Claims", "how_to_reg", "enrolment", "claim") | _waiting(request),
                _model(request, "Unknown keys", "help", "enrolment", "stranger"),
                _model(request, "Locks", "block", "locks", "lock"),
                _page(request, "Access tester", "rule", "access_tester", Right.ACCESS_READ),
                _model(request, "Forwarding", "alt_route", "forwarding", "rule"),
                _page(request, "Forwarding tester", "route", "forwarding_tester", Right.FORWARDING_READ),
                _model(request, "Grants", "timer", "access", "grant"),
                _model(request, "Assertions", "verified", "access", "assertion"),
            ],
        },
        {
            "title": "Vault",
            "items": [_model(request, "Credentials", "lock", "credentials", "credential")],
        },
        {
            "title": "Administration",
            "items": [
                _model(request, "Changes", "history", "audit", "auditentry"),
                _model(request, "Backups", "backup", "backups", "backup"),
                _model(request, "API tokens", "token", "tokens", "apitoken"),
                _model(request, "Users", "person", "auth", "user"),
            ],
        },
    ]


def _link(title: str, icon: str, name: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(name)}


def _page(request: HttpRequest, title: str, icon: str, name: str, right: Right) -> dict[str, Any]:
    allowed = right in rights_of(request.user)
    link = _link(title, icon, name)
    here = request.path == link["link"]  # the theme would light it up on every page below this address as well
    return link | {"permission": lambda _: allowed, "active": lambda _: here}


def _model(request: HttpRequest, title: str, icon: str, app: str, model: str) -> dict[str, Any]:
    allowed = request.user.has_perm(f"{app}.view_{model}")
    return _link(title, icon, f"admin:{app}_{model}_changelist") | {"permission": lambda _: allowed}


def _waiting(request: HttpRequest) -> dict[str, Any]:
    """How many machines wait for somebody, where any does."""
    count = count_queued() if request.user.has_perm("enrolment.view_claim") else 0
    return {"badge": f"{count} waiting", "badge_variant": "warning"} if count else {}


def account(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of whoever is signed in."""
    pages = (
        ("Change password", "account_change_password"),
        ("Second factors", "mfa_index"),
        ("Sessions", "usersessions_list"),
    )
    identities = (("Identities", "socialaccount_connections"),) if settings.ALKNET.panel.oidc.issuer else ()
    return [{"title": title, "link": reverse(name)} for title, name in (*pages, *identities)]
