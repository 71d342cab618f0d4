"""Who has which role, and so which rights. Asked once for each user object: a request has one of its own."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet

from apps.accounts.errors import NoSuchUser
from apps.accounts.models import Member
from apps.accounts.rights import RIGHTS_OF, Right, Role

AnyUser = AbstractBaseUser | AnonymousUser
_KEPT = "_alknet_role"
"""Where a user object keeps the answer."""


def role_of(user: AnyUser) -> Role | None:
    """The role of a user who may sign in; None for nobody, one who is disabled, and one without. A superuser is owner.

    Where the settings ask for a second factor (`panel.second_factor_for`), nobody has the role before they have one.

    A user object that lives longer than a request keeps its first answer: ask with a new one.
    """
    if not user.is_active or user.pk is None:
        return None
    if not hasattr(user, _KEPT):
        found = _stored_role(user)
        setattr(user, _KEPT, None if found is None or _lacks_factor(user, found) else found)
    role: Role | None = getattr(user, _KEPT)
    return role


def lacks_second_factor(user: AnyUser) -> bool:
    """Whether a second factor is all that keeps a user from their role."""
    role = _stored_role(user) if user.is_active and user.pk is not None else None
    return role is not None and _lacks_factor(user, role)


def _stored_role(user: AnyUser) -> Role | None:
    if getattr(user, "is_superuser", False):
        return Role.OWNER
    member: Member | None = getattr(user, "member", None)
    return None if member is None else Role(member.role)


def _lacks_factor(user: AnyUser, role: Role) -> bool:
    """Roles that the settings name are nobody's without one, by whichever door."""
    if role not in settings.ALKNET.panel.second_factor_for:
        return False
    factors = apps.get_model("mfa", "Authenticator")._default_manager
    return not factors.filter(user_id=user.pk, type__in=("totp", "webauthn")).exists()


def rights_of(user: AnyUser) -> frozenset[Right]:
    role = role_of(user)
    return frozenset() if role is None else RIGHTS_OF[role]


def owners() -> QuerySet[User]:
    """The users who may do everything, now."""
    return User.objects.filter(Q(is_superuser=True) | Q(member__role=Role.OWNER), is_active=True)


def somebody_may_sign_in() -> bool:
    return User.objects.filter(Q(is_superuser=True) | Q(member__isnull=False), is_active=True).exists()


def find_user(username: str) -> User | None:
    return User.objects.select_related("member").filter(username=username).first()


def get_user(username: str) -> User:
    """Raises NoSuchUser."""
    user = find_user(username)
    if user is None:
        raise NoSuchUser(username)
    return user


def list_users() -> list[User]:
    """All of them, by name."""
    return list(User.objects.select_related("member").order_by("username"))


def page_of_users(*, role: Role | None, after: str | None, limit: int) -> list[User]:
    """A part of the same list: those whose names come after `after`, of one role or of all."""
    rows = User.objects.select_related("member").order_by("username")
    if role is not None:
        plain = Q(member__role=role, is_superuser=False)
        rows = rows.filter(plain | Q(is_superuser=True) if role is Role.OWNER else plain)
    return list((rows if after is None else rows.filter(username__gt=after))[:limit])


def user_json(user: User) -> dict[str, Any]:
    """A user for programs; no secret."""
    last = user.last_login
    return {"username": user.username, **facts(user), "last_login": last and last.isoformat()}


def facts(user: User) -> dict[str, Any]:
    """A user as the audit log and the command line have it; no secret."""
    return {"role": role_name(user), "enabled": user.is_active}


def role_name(user: User) -> str | None:
    """The role that a user has, or would have if they were not disabled."""
    role = _stored_role(user)
    return None if role is None else role.value
