"""Ending sessions, and second factors that were lost. One transaction and one audit row each."""

from collections.abc import Iterable

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from apps.accounts.selectors import get_user
from apps.accounts.signals import access_changed
from apps.audit.actors import Actor
from apps.audit.services import Change, record


def end_sessions(*, actor: Actor, username: str, sessions: Iterable[UserSession] | None = None) -> int:
    """End these sessions of a user, or all of them; how many. Nothing to end leaves no row. Raises NoSuchUser."""
    with transaction.atomic():
        user = get_user(username)
        ended = list(UserSession.objects.filter(user=user) if sessions is None else sessions)
        for session in ended:
            session.end()
        if ended:
            facts = {"sessions": len(ended), "addresses": sorted({one.ip for one in ended})}
            record(actor=actor, changes=[Change("user.sessions_ended", "user", username, before=facts)])
            transaction.on_commit(lambda: access_changed.send(sender=None))
    return len(ended)


def reset_second_factors(*, actor: Actor, username: str) -> int:
    """Take every second factor and the recovery codes of a user away, as for a lost phone; how many factors.

    Their password alone signs them in again. Raises NoSuchUser.
    """
    with transaction.atomic():
        user = get_user(username)
        found = Authenticator.objects.filter(user=user)
        count: int = found.exclude(type=Authenticator.Type.RECOVERY_CODES).count()
        if count:
            found._raw_delete(found.db)  # without the rows that each would leave
            facts = {"second_factors": count}
            record(actor=actor, changes=[Change("user.second_factors_reset", "user", username, before=facts)])
    return count
