"""Audit rows of what people do with their accounts. Each is in the transaction of its change, where that has one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.signals import password_changed, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest, HttpResponse

from apps.accounts.services import note_password
from apps.accounts.sign_in import lockout
from apps.accounts.signals import access_changed
from apps.audit.actors import SYSTEM, Actor, ActorKind, user_actor
from apps.audit.services import Change, record

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def connect() -> None:
    """Called once, when the app is ready."""
    user_logged_in.connect(_signed_in, dispatch_uid="accounts.signed_in")
    user_logged_out.connect(_signed_out, dispatch_uid="accounts.signed_out")
    for signal in (password_changed, password_set):
        signal.connect(_password_set, dispatch_uid="accounts.password")
    authentication_failed.connect(_code_failed, dispatch_uid="accounts.code_failed")
    post_save.connect(_factor_added, sender=Authenticator, dispatch_uid="accounts.factor_added")
    post_delete.connect(_factor_removed, sender=Authenticator, dispatch_uid="accounts.factor_removed")
    post_save.connect(_identity_added, sender=SocialAccount, dispatch_uid="accounts.identity_added")
    post_delete.connect(_identity_removed, sender=SocialAccount, dispatch_uid="accounts.identity_removed")


def noted(action: str) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """A view of one's own account: what it changes is one transaction, and a change that was made is one row."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def in_transaction(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with transaction.atomic():
                response = view(request, *args, **kwargs)
                if request.method == "POST" and response.status_code == 302:
                    _record(action, request.user.get_username())
            return response

        return in_transaction

    return decorate


def _signed_in(request: HttpRequest, user: Any, **_: Any) -> None:
    lockout.forget(request, user.get_username())
    ways = [entry.get("type") or entry["method"] for entry in get_authentication_records(request, user)]
    facts = {"address": lockout.address_of(request), "by": list(dict.fromkeys(map(str, ways)))}
    _record("user.signed_in", user.get_username(), after=facts)


def _signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        _record("user.signed_out", user.get_username())
        access_changed.send(sender=None)


def _password_set(user: Any, **_: Any) -> None:
    with transaction.atomic():
        note_password(actor=user_actor(user), username=user.get_username())


def _code_failed(request: HttpRequest, user: Any, **_: Any) -> None:
    lockout.code_failed(request, user.get_username())


def _factor_added(instance: Authenticator, *, created: bool, **_: Any) -> None:
    """Recovery codes come with the first factor, and are part of it."""
    if created and instance.type in _FACTORS:
        _record("user.second_factor_added", instance.user.get_username(), after=_factor(instance))


def _factor_removed(instance: Authenticator, origin: Any, **_: Any) -> None:
    if instance.type in _FACTORS and _is_about(origin, Authenticator):
        _record("user.second_factor_removed", instance.user.get_username(), before=_factor(instance))


def _identity_added(instance: SocialAccount, *, created: bool, **_: Any) -> None:
    if created:
        facts = {"provider": instance.provider, "subject": instance.uid}
        _record("user.identity_added", instance.user.get_username(), after=facts)


def _identity_removed(instance: SocialAccount, origin: Any, **_: Any) -> None:
    if _is_about(origin, SocialAccount):
        facts = {"provider": instance.provider, "subject": instance.uid}
        _record("user.identity_removed", instance.user.get_username(), before=facts)


def _is_about(origin: Any, model: type[Model]) -> bool:
    """Whether rows of this model were deleted for themselves, and not because their user was."""
    return isinstance(origin, model) or getattr(origin, "model", None) is model


def _factor(instance: Authenticator) -> dict[str, str]:
    name = instance.data.get("name") if instance.type == Authenticator.Type.WEBAUTHN else None
    kind = "passkey" if instance.type == Authenticator.Type.WEBAUTHN else "app"
    return {"kind": kind} | ({"name": str(name)} if name else {})


def _record(action: str, username: str, **facts: Any) -> None:
    """People change these of themselves alone; others reset them, by the services."""
    actor = Actor(ActorKind.USER, username) if username else SYSTEM
    with transaction.atomic():
        record(actor=actor, changes=[Change(action, "user", username, **facts)])
