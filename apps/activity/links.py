"""From an event or a connection to the pages that tell more of it, where there are any that the reader may see."""

from collections.abc import Iterable

from django.contrib.admin.utils import quote
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.urls import reverse
from django.utils.http import urlencode

from apps.accounts.rights import Right
from apps.accounts.selectors import rights_of
from apps.activity.models import Event
from apps.peers.selectors import existing
from node.core.journal import EventKind


def peer_urls(peer_ids: Iterable[str | None], user: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """{peer_id: address}; one query."""
    if not (isinstance(user, PermissionsMixin) and user.has_perm("peers.view_peer")):
        return {}
    names = existing(name for name in peer_ids if name)
    return {name: reverse("admin:peers_peer_change", args=[quote(name)]) for name in names}


_BY_SETTINGS, _NOT_FORWARDED = "not allowed by the settings", "forwarding is not allowed"
"""What SSH says of what it denies for want of another thing than a scope."""


def why_not_url(event: Event, user: AbstractBaseUser | AnonymousUser) -> str:
    """The tester, asked about whom the event tells of; "" where nobody was refused anything, or it would not know why.

    Where to something was to be forwarded is in no event: the tester of forwarding is left to ask that.
    """
    if event.kind not in (EventKind.REFUSED, EventKind.DENIED) or event.reason == _BY_SETTINGS:
        return ""
    if event.reason == _NOT_FORWARDED and Right.FORWARDING_READ in rights_of(user):
        return f"{reverse('forwarding_tester')}?{urlencode({'peer_id': event.peer_id or ''})}"
    if Right.ACCESS_READ not in rights_of(user):
        return ""
    asked = {"who": event.peer_id or event.fingerprint, "alpn": event.alpn, "scopes": _missing(event)}
    return f"{reverse('access_tester')}?{urlencode({name: text for name, text in asked.items() if text})}"


def _missing(event: Event) -> str:
    """The one scope that a denial names as missing, in the words of the call protocol; else nothing."""
    message = event.detail.get("message") if isinstance(event.detail, dict) else None
    _, found, rest = message.partition("missing required scope: ") if isinstance(message, str) else ("", "", "")
    return rest.partition(";")[0].strip() if found else ""
