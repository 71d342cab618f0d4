"""Failed attempts to sign in, counted by account and address, and by address. They outlive a restart.

From the fifth failure on an account is closed to that address for half a minute, and twice as long with each further
one; from the thirtieth on the address is closed to all accounts. Codes are counted by account as well, whatever the
address: only who has the password gets that far, and who has many addresses would guess six digits. An hour without a
failure forgets them. Names that nobody has are counted alike, so that nobody learns which there are.
"""

import ipaddress
import logging
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from apps.accounts.models import Attempt
from apps.accounts.selectors import find_user
from apps.audit.actors import SYSTEM
from apps.audit.services import Change, record
from node.core.address import origin_of

OF_ACCOUNT = 5
OF_ADDRESS = 30
"""So many failures close an account to an address, and an address."""
OF_CODES = 20
"""So many wrong codes close the second step of an account to every address."""
FIRST_S = 30.0
LONGEST_S = 900.0
"""How long it is closed after the first failure too many, and at most, in seconds."""
_DOUBLINGS = 16
"""More of them make no difference, and a thousand no number."""
FORGET_S = 3600.0
"""Seconds without a failure after which the count begins anew."""
MOST = 10_000
"""Counts that are kept; the oldest go first."""

logger = logging.getLogger(__name__)


class _Turn:
    """What attempts of one kind take before they are looked at."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_turns: WeakValueDictionary[str, _Turn] = WeakValueDictionary()
_choosing = threading.Lock()


@contextmanager
def attempt(request: HttpRequest, username: str) -> Iterator[None]:
    """Around a look at a password. Raises ValidationError where it is closed, before the look."""
    with _in_turn(_keys(request, username)[1]):
        refuse_if_locked(request, username)
        yield


@contextmanager
def attempt_code(request: HttpRequest, username: str) -> Iterator[None]:
    """The same around a look at a code."""
    with _in_turn(_code_key(username)):
        _refuse_if_closed([*_keys(request, username), _code_key(username)])
        yield


def refuse_if_locked(request: HttpRequest, username: str) -> None:
    """Raises ValidationError, in the same words whatever is closed and whether there is such a user."""
    _refuse_if_closed(_keys(request, username))


def failed(request: HttpRequest, username: str) -> None:
    """Count a failure, and close what has failed too often. The log is told; the lock-out of a user is audited."""
    user, address = find_user(username), address_of(request)
    logger.warning("a sign-in failed: %s, from %s", username if user else "an unknown name", address)
    account, place = _keys(request, username)
    with transaction.atomic():
        _count(place, OF_ADDRESS)
        until, is_first = _count(account, OF_ACCOUNT)
        if user is not None and is_first:
            _record(username, address, until)
    if is_first:
        logger.warning("locked out: %s, from %s", username if user else "an unknown name", address)


def code_failed(request: HttpRequest, username: str) -> None:
    """The same of a code."""
    with transaction.atomic():
        until, is_first = _count(_code_key(username), OF_CODES)
        if is_first:
            _record(username, "", until)
        failed(request, username)


def forget(request: HttpRequest, username: str) -> None:
    """After somebody has signed in. What the address has failed otherwise stays counted."""
    Attempt.objects.filter(key__in=[_keys(request, username)[0], _code_key(username)]).delete()


def address_of(request: HttpRequest) -> str:
    """The client's address; nobody's, where the server knows none."""
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0"))  # noqa: S104 - not bound
    except ValueError:
        return "0.0.0.0"  # noqa: S104 - not bound


def _keys(request: HttpRequest, username: str) -> tuple[str, str]:
    """Under which an account with this address, and the address, are counted. A typed name may be a password."""
    place = origin_of(address_of(request))
    return _hashed(f"{username.casefold()[:255]} {place}"), _hashed(place)


def _code_key(username: str) -> str:
    return _hashed(f"codes of {username}")


@contextmanager
def _in_turn(key: str) -> Iterator[None]:
    """One at a time: what comes at once would be looked at before any of it is counted."""
    with _choosing:
        turn = _turns.setdefault(key, _Turn())
    with turn.lock:
        yield


def _refuse_if_closed(keys: Iterable[str]) -> None:
    now = time.time()
    ends = Attempt.objects.filter(key__in=keys, until__gt=now).values_list("until", flat=True)
    longest = max(ends, default=None)
    if longest is not None:
        raise ValidationError(f"Too many failed attempts. Try again in {_words(longest - now)}.", code="locked_out")


def _record(username: str, address: str, until: float) -> None:
    """`address` is empty where it is closed to all."""
    facts = {"address": address, "until": datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")}
    record(actor=SYSTEM, changes=[Change("user.locked_out", "user", username, after=facts)])


def _hashed(text: str) -> str:
    return salted_hmac("alknet.attempt", text, algorithm="sha256").hexdigest()


def _count(key: str, most: int) -> tuple[float, bool]:
    """Until when it is closed (unix seconds, 0: it is not), and whether this very failure has closed it."""
    now = time.time()
    found = Attempt.objects.filter(key=key, last__gt=now - FORGET_S).first()
    failures = (found.failures if found else 0) + 1
    until = now + min(LONGEST_S, FIRST_S * 2.0 ** min(failures - most, _DOUBLINGS)) if failures >= most else 0.0
    Attempt.objects.update_or_create(key=key, defaults={"failures": failures, "last": now, "until": until})
    _make_room(now)
    return until, failures == most


def _make_room(now: float) -> None:
    Attempt.objects.filter(last__lte=now - FORGET_S, until__lte=now).delete()
    too_many = Attempt.objects.order_by("-last").values_list("last", flat=True)[MOST : MOST + 1]
    if too_many:
        Attempt.objects.filter(last__lte=too_many[0]).delete()


def _words(seconds: float) -> str:
    return f"{int(seconds) + 1} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
