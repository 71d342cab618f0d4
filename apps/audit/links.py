"""From a row of the audit log to the page of the object that it is about, where that still exists."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.apps import apps
from django.contrib.admin.utils import quote
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.urls import reverse

from apps.audit.models import AuditEntry


@dataclass(frozen=True, slots=True)
class _Page:
    """A model by its label, and the field by which the log knows its objects."""

    app: str
    model: str
    field: str = "pk"

    @property
    def permission(self) -> str:
        return f"{self.app}.view_{self.model}"

    def urls(self, names: Iterable[str]) -> dict[str, str]:
        rows = apps.get_model(self.app, self.model)._default_manager.filter(**{f"{self.field}__in": list(names)})
        view = f"admin:{self.app}_{self.model}_change"
        return {str(name): reverse(view, args=[quote(pk)]) for name, pk in rows.values_list(self.field, "pk")}


_PAGES = {
    "peer": _Page("peers", "peer"),
    "api_key": _Page("peers", "apikey"),
    "credential": _Page("credentials", "credential"),
    "user": _Page("auth", "user", "username"),
    "grant": _Page("access", "grant"),
    "forwarding_rule": _Page("forwarding", "rule"),
}


def object_urls(entries: Iterable[AuditEntry], user: AbstractBaseUser | AnonymousUser) -> dict[tuple[str, str], str]:
    """{(object_type, object_id): address} of those that are there and that the user may view."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(entry.object_type, set()).add(entry.object_id)
    found: dict[tuple[str, str], str] = {}
    for kind, names in wanted.items():
        page = _PAGES.get(kind)
        if page is not None and isinstance(user, PermissionsMixin) and user.has_perm(page.permission):
            found |= {(kind, name): url for name, url in page.urls(names).items()}
    return found
