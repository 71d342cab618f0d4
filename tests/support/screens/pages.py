"""The pages of the panel, by its table of URLs (tests.support.panel_rights): what is new there is looked at as well."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote

from tests.support.panel_rights import NEEDS, NOBODY

NO_PAGES = {
    "readyz": "text for programs",
    "readyz/panel": "text for programs",
    "now/": "parts of the dashboard",
    "search/": "a part of the box of the search",
    "jsi18n/": "a script",
    "fields/<str:kind>/complete/": "a part of a form",
    "password_change/": "leads to account/password/change/",
    "password_change/done/": "leads to account/password/change/",
    "login/": "leads to account/login/",
    "account/password/set/": "leads to account/password/change/ whoever has a password",
    "account/2fa/reauthenticate/": "a way of account/reauthenticate/, which is looked at with a second factor",
    "account/2fa/passkeys/reauthenticate/": "a way of account/reauthenticate/",
    "account/2fa/passkeys/login/": "JSON for the browser",
    "account/2fa/recovery-codes/download/": "a file",
    "account/oidc/<str:provider_id>/login/": "leads to the identity provider",
    "account/oidc/<str:provider_id>/callback/": "leads on",
    "r/<path:content_type_id>/<path:object_id>/": "leads on",
    "^(?P<app_label>…)/$": "leads to the dashboard",
    "setup/<str:token>/": "leads to setup/",
    "setup/<str:token>": "leads to setup/",
    "peers/peer/files/export/<str:name>/": "a file",
    "audit/auditentry/export/": "a file",
    "audit/auditentry/<path:object_id>/history/": "leads to the row",
    "backups/backup/status/": "a part of the list",
    "activity/event/rows/": "rows of the list",
    "activity/connection/presence/": "parts of the list of peers",
    "activity/connection/of-peer/": "a part of the page of a peer",
}
"""Addresses that answer with something else than a page, or lead to one that stands here itself."""

ON_THE_WAY = {
    "panel/savedfilter/save/": "from a list that is filtered",
    "jobs/<str:job>/": "while something takes long",
    "setup/": "before there is anybody",
    "account/login/": "signed out",
    "account/logout/": "on the way out",
    "account/inactive/": "a user who is disabled",
    "account/no-access/": "a user without a role",
    "account/2fa/authenticate/": "with a second factor",
    "account/2fa/app/remove/": "with a second factor",
    "account/2fa/recovery-codes/": "with a second factor",
    "account/2fa/recovery-codes/generate/": "with a second factor",
    "account/2fa/passkeys/<int:pk>/remove/": "with a passkey",
    "account/2fa/passkeys/<int:pk>/edit/": "with a passkey",
}
"""Pages that are there in some state only; tests of those ways through the panel look at them."""

MORE = {
    "peers-many": "/peers/peer/?q=lamp&enabled__exact=1",
    "peers-none": "/peers/peer/?q=nobody-has-this-name",
    "peer-long": "/peers/peer/build-worker-eu-central-1a-nightly-release-candidate-0007/change/",
    "peer-disabled": "/peers/peer/kiosk-1/change/",
    "events-of-one-kind": "/activity/event/?kind=connected&peer=laptop",
    "events-none": "/activity/event/?text=nothing+says+this",
    "events-wrong-filter": "/activity/event/?kind=nonsense",
    "access-answer": "/access/?who=laptop&alpn=alknet/call&scopes=fs:read,fs:write&resource_type=repo",
    "access-refused": "/access/?who=lamp-1&alpn=alknet/call&scopes=git:write",
    "forwarding-answer": "/forwarding/?peer_id=laptop&target=127.0.0.1:5432&direction=local&transport=quic",
    "api-docs": "/api/v1/docs",
    "not-found": "/there/is/nothing/here/",
}
"""Further looks at pages that change much with what they are asked."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A page by a name for people, and its path."""

    name: str
    path: str


def screens(things: Mapping[str, Any]) -> Iterator[Screen]:
    """Each page that a GET of whoever may all gives; `things` has what one is about, by the beginning of its route."""
    for route, (look, _) in NEEDS.items():
        if look != NOBODY and not _leads_on(route) and route not in NO_PAGES | ON_THE_WAY:
            yield Screen(_name(route), "/" + _filled(route, things))
    yield from (Screen(name, path) for name, path in MORE.items())


def _leads_on(route: str) -> bool:
    return route.endswith("/<path:object_id>/") or "(?P<url>" in route


def _name(route: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"<[^>]*>/", "", route)).strip("-") or "dashboard"


def _filled(route: str, things: Mapping[str, Any]) -> str:
    """The route with what it is about in place. Raises KeyError where nothing is known of that kind."""
    if "<" not in route:
        return route
    about = things["/".join(route.split("/")[:2])]
    return re.sub(r"<[^>]*>", quote(str(about)), route)
