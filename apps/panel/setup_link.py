"""The one-time link that makes the first owner. No default password exists anywhere.

The token lies in a file that only this machine's owner can read, and only while there is no owner. Whoever
opens the link gets a proof of it into their session, so that the token leaves the address bar; the proof is a keyed
hash, since sessions are stored.
"""

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.rights import Role
from apps.accounts.selectors import owners
from apps.accounts.services import create_user
from apps.audit.actors import Actor, ActorKind
from apps.audit.request_id import current_request_id
from apps.audit.services import Change, record
from node.core.paths import DataPaths
from node.secret_file import read_or_make_secret, read_secret


class SetupAction(StrEnum):
    ADMINISTRATOR_MADE = "setup.administrator_made"


class SetupOver(Exception):
    """There is an administrator already: the link is dead."""


def administrator_exists() -> bool:
    return owners().exists()


def ensure_setup_token() -> str | None:
    """The token while there is no administrator, made on the first call; None afterwards, and its file is gone."""
    if administrator_exists():
        _paths().setup_token.unlink(missing_ok=True)
        return None
    return read_or_make_secret(_paths().setup_token)


def setup_path() -> str | None:
    """The link's path, or None where set-up is over. For the command line and the supervisor's banner."""
    token = ensure_setup_token()
    return f"/setup/{token}/" if token else None


def is_setup_token(given: str) -> bool:
    token = read_secret(_paths().setup_token)
    return token is not None and constant_time_compare(given, token) and not administrator_exists()


def proof_of(token: str) -> str:
    """What a session holds in the token's place."""
    return salted_hmac("alknet.setup", token, algorithm="sha256").hexdigest()


def is_setup_proof(given: object) -> bool:
    token = read_secret(_paths().setup_token)
    right = token is not None and isinstance(given, str) and constant_time_compare(given, proof_of(token))
    return right and not administrator_exists()


def create_administrator(*, username: str, password: str) -> User:
    """Make the first administrator and end the set-up. Raises SetupOver if another was faster."""
    with transaction.atomic():
        if administrator_exists():
            raise SetupOver
        user = create_user(
            actor=_actor(username),
            username=username,
            role=Role.OWNER,
            password=password,
            action=SetupAction.ADMINISTRATOR_MADE,
        )
        transaction.on_commit(end_set_up)
        return user


def end_set_up() -> None:
    _paths().setup_token.unlink(missing_ok=True)


def note_administrator(instance: User, *, created: bool, **_: Any) -> None:
    """After every save of a superuser, who comes by `createsuperuser`: that ends the set-up, a new one is audited."""
    if not (instance.is_superuser and instance.is_active):
        return
    if created:
        _record_administrator(instance.username)
    transaction.on_commit(end_set_up)


def _record_administrator(username: str) -> None:
    change = Change(SetupAction.ADMINISTRATOR_MADE, "user", username, after={"role": Role.OWNER, "enabled": True})
    with transaction.atomic():
        record(actor=_actor(username), changes=[change])


def _actor(username: str) -> Actor:
    return Actor(ActorKind.USER if current_request_id.get() else ActorKind.CLI, username)


def _paths() -> DataPaths:
    paths: DataPaths = settings.PATHS
    return paths
