"""Changing users. Every door leads here: the set-up link, the panel and the command line.

Each function is one transaction that holds the change and its one audit row. A transaction holds SQLite's write lock
from its beginning, so that of two owners who demote each other one is refused.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts import selectors
from apps.accounts.errors import InvalidUser, LastOwner, OwnAccount
from apps.accounts.models import Member
from apps.accounts.rights import Role
from apps.accounts.signals import access_changed
from apps.audit.actors import Actor, ActorKind
from apps.audit.services import Change, record

OBJECT_TYPE = "user"
_UNCHANGED: Any = object()


class AccountAction(StrEnum):
    ADDED = "user.added"
    CHANGED = "user.changed"
    REMOVED = "user.removed"


def create_user(
    *, actor: Actor, username: str, role: Role | None, password: str | None = None, action: str = AccountAction.ADDED
) -> User:
    """A new user; without a password one who cannot sign in by it. Raises InvalidUser."""
    user = _checked(username, password)
    with transaction.atomic():
        if selectors.find_user(username) is not None:
            raise InvalidUser({"username": ["There is a user of that name already."]})
        user.save()
        _store_role(user, role)
        record(actor=actor, changes=[Change(action, OBJECT_TYPE, username, after=_facts(user.pk))])
    return user


def note_created(*, actor: Actor, user: User, role: Role | None) -> None:
    """The role and the row of a user whom a sign-in by another party has made, in its transaction."""
    _store_role(user, role)
    record(actor=actor, changes=[Change(AccountAction.ADDED, OBJECT_TYPE, user.username, after=_facts(user.pk))])


def change_user(
    *, actor: Actor, username: str, role: Role | None = _UNCHANGED, enabled: bool = _UNCHANGED
) -> dict[str, Any]:
    """Another role, or none; may they sign in. What changes nothing leaves no row. Raises Refused.

    A change holds from the user's next request on, and their open pages hear no more within seconds.
    """
    with transaction.atomic():
        user = selectors.get_user(username)
        before, after = _change_of(user, role, enabled)
        if after != before:
            _check(actor, user, after)
            _store_role(user, after["role"] and Role(after["role"]))
            User.objects.filter(pk=user.pk).update(is_active=after["enabled"])
            record(actor=actor, changes=[_change(username, before, after)])
            transaction.on_commit(_tell)
        return after


def check_change(*, actor: Actor, username: str, role: Role | None, enabled: bool) -> None:
    """Raises what `change_user` would. For forms."""
    user = selectors.get_user(username)
    before, after = _change_of(user, role, enabled)
    if after != before:
        _check(actor, user, after)


def remove_users(*, actor: Actor, usernames: Iterable[str]) -> None:
    """All of them or none; a row for each. Raises Refused."""
    with transaction.atomic():
        users = [selectors.get_user(name) for name in usernames]
        _refuse_ownerless({user.pk for user in users})
        for user in users:
            _refuse_own(actor, user.username)
            gone = Change(AccountAction.REMOVED, OBJECT_TYPE, user.username, before=selectors.facts(user))
            user.delete()
            record(actor=actor, changes=[gone])
        transaction.on_commit(_tell)


def set_password(*, actor: Actor, username: str, password: str) -> None:
    """Their sessions end, since each is bound to the password. Raises InvalidUser and NoSuchUser."""
    with transaction.atomic():
        user = selectors.get_user(username)
        _check_password(password, user)
        user.set_password(password)
        user.save(update_fields=["password"])
        note_password(actor=actor, username=username)


def note_password(*, actor: Actor, username: str) -> None:
    """The row of a password that a form of Django's has set, in its transaction."""
    record(actor=actor, changes=[Change(AccountAction.CHANGED, OBJECT_TYPE, username, after={"password": "set"})])
    transaction.on_commit(_tell)


def _tell() -> None:
    """Open pages of whoever may less now are closed at once."""
    access_changed.send(sender=None)


def _store_role(user: User, role: Role | None) -> None:
    if user.is_superuser:  # who came by `createsuperuser` has that in place of a role
        User.objects.filter(pk=user.pk).update(is_superuser=False)
    if role is None:
        Member.objects.filter(user_id=user.pk).delete()
    else:
        Member.objects.update_or_create(user_id=user.pk, defaults={"role": role.value})


def _checked(username: str, password: str | None) -> User:
    user = User(username=username)
    user.set_password(password) if password is not None else user.set_unusable_password()
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise InvalidUser(error.message_dict) from None
    if password is not None:
        _check_password(password, user)
    return user


def _check_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidUser({"password": error.messages}) from None


def _refuse_own(actor: Actor, username: str) -> None:
    if actor.kind is ActorKind.USER and actor.name == username:
        raise OwnAccount


def _refuse_ownerless(affected: set[int]) -> None:
    """Where there are owners, one has to be left besides these."""
    held = set(selectors.owners().values_list("pk", flat=True))
    if held & affected and not held - affected:
        raise LastOwner


def _facts(pk: int) -> dict[str, Any]:
    return selectors.facts(User.objects.select_related("member").get(pk=pk))


def _change_of(user: User, role: Role | None, enabled: bool) -> tuple[dict[str, Any], dict[str, Any]]:  # noqa: FBT001 - private
    before = selectors.facts(user)
    after = {
        "role": before["role"] if role is _UNCHANGED else role and role.value,
        "enabled": before["enabled"] if enabled is _UNCHANGED else enabled,
    }
    return before, after


def _check(actor: Actor, user: User, after: dict[str, Any]) -> None:
    _refuse_own(actor, user.username)
    if after != {"role": Role.OWNER.value, "enabled": True}:
        _refuse_ownerless({user.pk})


def _change(username: str, before: dict[str, Any], after: dict[str, Any]) -> Change:
    """Only what differs."""
    was = {name: value for name, value in before.items() if after[name] != value}
    return Change(AccountAction.CHANGED, OBJECT_TYPE, username, was, {name: after[name] for name in was})
