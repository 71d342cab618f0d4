"""What the services would say of one field of a peer, while it is being typed."""

import uuid
from datetime import UTC
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timeuntil

from apps.panel.fields import Said, offer
from apps.peers import selectors, services
from apps.peers.admin.display import key_spellings
from apps.peers.completions import complete_resources, complete_scopes
from apps.peers.drafts import parse_resources, split_keys, split_scopes, without_repeats
from apps.peers.errors import Absent
from apps.peers.handler_scopes import about
from apps.peers.offers import NEEDS
from node.core.fingerprint import KeyFormatError, parse_key
from node.core.peers import InvalidPeer, check_peer_id

SHOWN_KEYS = 5


def check_name(text: str, besides: str) -> Said:
    """The name of a peer, new or (`besides`) renamed."""
    if wrong := _refused("peer_id", text, besides):
        return Said(wrong)
    return Said(facts=(f"Saving gives “{besides}” this name everywhere.",) if besides and text != besides else ())


def check_planned_name(text: str, _: str) -> Said:
    """The name that a peer will have once its machine has come."""
    if wrong := check_peer_id(text):
        return Said(tuple(wrong))
    taken = selectors.find_peer(text) is not None
    return Said(facts=(f"There is a peer “{text}” already. An invitation is for one that is new.",) if taken else ())


def check_keys(text: str, besides: str) -> Said:
    """Every key in every spelling, and what keeps it from being stored."""
    keys, wrong = split_keys(text), _refused("keys", split_keys(text), besides)
    shown = [format_html("<p>Key {}: {}</p>{}", n, *_known(key)) for n, key in enumerate(keys, 1) if _is_key(key)]
    more = len(shown) - SHOWN_KEYS
    return Said(wrong, (*shown[:SHOWN_KEYS], *([f"And {more} more."] if more > 0 else [])))


def check_scopes(text: str, besides: str) -> Said:
    """Those that nothing asks for are named: most of these are a slip of the hand."""
    scopes = without_repeats(split_scopes(text))
    wrong, needs = _refused("scopes", scopes, besides), NEEDS()
    if wrong:
        return Said(wrong)
    others = [scope for scope in scopes if not about(scope)]
    unasked = [scope for scope in others if scope not in needs.scopes] if needs.known and needs.scopes else []
    number = f"{len(scopes)} scope{'' if len(scopes) == 1 else 's'}."
    odd = f" No operation of this node asks for {', '.join(unasked[:SHOWN_KEYS])}." if unasked else ""
    stars = " A * in a scope is a letter like any other." if any("*" in scope for scope in others) else ""
    return Said(facts=(number + odd + stars,))


def check_resources(text: str, besides: str) -> Said:
    try:
        value = parse_resources(text)
    except ValueError as error:
        return Said((str(error),))
    if wrong := _refused("resources", value, besides):
        return Said(wrong)
    told = ", ".join(f"{len(names)} of kind {kind}" for kind, names in list(value.items())[:SHOWN_KEYS])
    return Said(facts=(f"{told or 'None'}.",))


def check_moment(text: str, besides: str) -> Said:
    """A day and a time, in UTC."""
    del besides  # an end is judged by the clock alone
    day, _, clock = text.partition(" ")
    try:
        moment = forms.SplitDateTimeField(required=False).clean([day, clock.strip()])
    except ValidationError as error:
        return Said(tuple(error.messages))
    if moment <= timezone.now():
        return Said(("This moment has passed already.",))
    left = timeuntil(moment).replace("\xa0", " ")
    return Said(facts=(f"In {left}: {moment.astimezone(UTC):%A, %d %B %Y, %H:%M} UTC.",))


def _refused(name: str, value: Any, besides: str) -> tuple[str, ...]:
    """What the services say of one field of a draft that has nothing else, or of the same change to a peer."""
    try:
        if besides:
            services.plan_update(besides, {name: value})
        else:
            services.plan_create({"peer_id": str(uuid.uuid4()), name: value})
    except InvalidPeer as error:
        return tuple(error.errors.get(name, ()))
    except Absent as error:
        return (str(error),)
    return ()


def _is_key(text: str) -> bool:
    try:
        return bool(parse_key(text))
    except KeyFormatError:
        return False


def _known(text: str) -> tuple[str, Any]:
    """What kind of spelling this is, and all of them."""
    fingerprint = parse_key(text)
    if "CERTIFICATE" in text:
        kind = "a certificate"
    elif text.startswith("-----"):
        kind = "a PEM public key"
    else:
        kind = "an OpenSSH key" if text.startswith("ssh-") else "a fingerprint"
    return kind, key_spellings(fingerprint)


def offer_fields() -> None:
    """Have the panel's fields ask all of this. Called once, when the admin's pages are found."""
    checks = {
        "peer_id": check_name,
        "planned_peer_id": check_planned_name,
        "keys": check_keys,
        "scopes": check_scopes,
        "resources": check_resources,
        "moment": check_moment,
    }
    offer(checks, {"scopes": complete_scopes, "resources": complete_resources})
