"""From an event or a connection to the page of its peer, where there is one that the reader may see."""

from collections.abc import Iterable

from django.contrib.admin.utils import quote
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.urls import reverse

from apps.peers.selectors import existing


def peer_urls(peer_ids: Iterable[str | None], user: AbstractBaseUser | AnonymousUser) -> dict[str, str]:
    """{peer_id: address}; one query."""
    if not (isinstance(user, PermissionsMixin) and user.has_perm("peers.view_peer")):
        return {}
    names = existing(name for name in peer_ids if name)
    return {name: reverse("admin:peers_peer_change", args=[quote(name)]) for name in names}
