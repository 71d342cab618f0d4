"""May they, and which rule decides: the node's own judgement of a caller, told as a tree (docs/adr/0043).

Pure. Every verdict here is the answer of the very functions that the node asks on its hot path; what is added is why.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from node.core.access import AccessControl, check_access, check_scopes
from node.core.grants import Grant
from node.core.identity import Identity
from node.core.index import PeerIndex
from node.core.locks import Held, Lock
from node.core.scopes import ANY, RESOURCES, covered_by, is_of_handler, written_out

_NOTHING_ASKED = AccessControl()
_CALL = b"alknet/call"
"""The protocol that compares scopes letter by letter; handlers know a `*` (node.core.scopes)."""


class Rule(StrEnum):
    """What decided."""

    GRANTED = "granted"
    GRANT = "grant"
    """Granted by nothing but a grant, which ends."""
    ANYBODY = "anybody"
    LOCK = "lock"
    EXPIRED = "expired"
    DISABLED = "disabled"
    CONTESTED = "contested"
    NO_PROOF = "no proof"
    UNKNOWN = "unknown"
    ANONYMOUS = "anonymous"
    SCOPE = "scope"
    RESOURCE = "resource"


class SubjectKind(StrEnum):
    """By what somebody shows who they are."""

    PEER = "peer"
    KEY = "key"
    API_KEY = "api_key"
    ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is asked about: a peer's name, a key's fingerprint, an API key's prefix; "" for a stranger without a key."""

    kind: SubjectKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """May `subject` connect with `alpn` (b"": no protocol in particular), and do what `control` asks for?"""

    subject: Subject
    alpn: bytes = b""
    control: AccessControl = _NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class Explanation:
    """One step of a judgement. Of the whole, `rule` and `text` are those of the step that decided.

    That is the last one or, where all is allowed, the first that takes a grant.
    """

    allowed: bool
    rule: Rule
    text: str
    step: str = ""
    """What was judged in this step; "" for the whole."""
    children: tuple["Explanation", ...] = ()
    who: str = ""
    """Of the whole: the peer or the API key that the node takes the caller for; "" for a stranger."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """Whom the node takes the subject for, locks aside. `names` are those that its connection is known by."""

    identity: Identity | None
    rule: Rule
    text: str
    names: tuple[str, ...] = ()


def explain(question: Question, index: PeerIndex, held: Held, now: float) -> Explanation:
    """Judge as the node does at this moment, in unix seconds, and tell every step up to the one that decides."""
    caller = _caller(question.subject, index, now)
    if (lock := held.on_connection(question.alpn, caller.names)) is not None:
        return _whole((_locked("connection", lock),))
    identity, who = held.resolved(caller.identity), "" if caller.identity is None else caller.identity.id
    steps = (_connection(question.alpn), _who(caller, identity, held))
    if identity is not None and question.alpn != _CALL:
        identity = written_out(identity, question.control)
    if not _asks(question.control):
        text = f"the connection is accepted; {caller.text}"
        return replace(_yes(steps[-1].rule if identity else Rule.ANYBODY, text, children=steps), who=who)
    grants = index.grants.held.get(who, ())
    return replace(_whole((*steps, *_rights(question.control, identity, steps[-1], grants))), who=who)


def identity_of(subject: Subject, index: PeerIndex, held: Held, now: float) -> Identity | None:
    """As whom the node judges what the subject asks for at this moment; None for nobody."""
    return held.resolved(_caller(subject, index, now).identity)


def _caller(subject: Subject, index: PeerIndex, now: float) -> _Caller:
    if subject.kind is SubjectKind.PEER:
        return _peer(subject.name, index)
    if subject.kind is SubjectKind.KEY:
        return _key(subject.name, index)
    if subject.kind is SubjectKind.API_KEY:
        return _api_key(subject.name, index, now)
    return _Caller(None, Rule.ANONYMOUS, "the caller shows neither key nor token")


def _peer(name: str, index: PeerIndex) -> _Caller:
    """By the first of its keys that is its own, else by its token."""
    entry = index.peers.get(name)
    if entry is None:
        return _Caller(None, Rule.UNKNOWN, f"there is no peer “{name}”")
    held = [holder for key in entry.fingerprints if (holder := index.resolve_fingerprint(key)) is not None]
    token = index.holders.get(entry.auth_token_hash) if entry.auth_token_hash else None
    if (own := next((holder for holder in held if holder.id == name), None)) is not None:
        return _Caller(own, Rule.GRANTED, f"a key of the peer “{name}” names it", (name,))
    if token is not None and token.id == name:
        return _Caller(token, Rule.GRANTED, f"the token of the peer “{name}” names it")
    if held or token is not None:
        return _anothers(name, held, token)
    if not entry.enabled:
        return _Caller(None, Rule.DISABLED, f"the peer “{name}” is disabled: its keys are a stranger's")
    if name in index.terms.peers:
        return _Caller(None, Rule.EXPIRED, f"the peer “{name}” has expired: its keys are a stranger's")
    if any((name, key) in index.terms.keys for key in entry.fingerprints):
        return _Caller(None, Rule.EXPIRED, f"every key of the peer “{name}” has expired")
    return _Caller(None, Rule.NO_PROOF, f"the peer “{name}” has neither key nor token to show")


def _anothers(name: str, held: list[Identity], token: Identity | None) -> _Caller:
    """A peer all of whose keys name others, or else whose token does: it comes as that one."""
    other = held[0] if held else token
    names = (held[0].id,) if held else ()
    return _Caller(other, Rule.CONTESTED, f"what “{name}” shows names the peer “{other.id if other else ''}”", names)


def _key(fingerprint: str, index: PeerIndex) -> _Caller:
    if (holder := index.resolve_fingerprint(fingerprint)) is not None:
        return _Caller(holder, Rule.GRANTED, f"this key names the peer “{holder.id}”", (holder.id,))
    owners = sorted(entry.peer_id for entry in index.peers.values() if fingerprint in entry.fingerprints)
    if owners and not index.peers[owners[0]].enabled:
        return _Caller(None, Rule.DISABLED, f"this key is of the peer “{owners[0]}”, which is disabled")
    if owners:
        what = "which" if owners[0] in index.terms.peers else "of which it"
        return _Caller(None, Rule.EXPIRED, f"this key is of the peer “{owners[0]}”, {what} has expired")
    return _Caller(None, Rule.UNKNOWN, "this key is nobody's")


def _api_key(prefix: str, index: PeerIndex, now: float) -> _Caller:
    entry = index.api_keys.get(prefix)
    if entry is None:
        return _Caller(None, Rule.UNKNOWN, f"there is no API key “{prefix}”")
    if entry.expires_at is not None and now >= entry.expires_at:
        return _Caller(None, Rule.EXPIRED, f"the API key “{prefix}” has expired")
    return _Caller(entry.identity(), Rule.GRANTED, f"the API key “{prefix}” names itself")


def _connection(alpn: bytes) -> Explanation:
    what = f"connections of {alpn.decode(errors='replace')}" if alpn else "connections"
    return _yes(Rule.GRANTED, f"no lock holds {what} back", "connection")


def _who(caller: _Caller, identity: Identity | None, held: Held) -> Explanation:
    if caller.identity is not None and identity is None:
        lock = held.on_caller(caller.identity.id)
        return _locked("caller", lock) if lock else _no(Rule.LOCK, "a lock holds it", "caller")
    return Explanation(identity is not None, caller.rule, caller.text, "caller")


def _rights(
    control: AccessControl, identity: Identity | None, who: Explanation, grants: tuple[Grant, ...]
) -> Iterable[Explanation]:
    """One step for the scopes and, if they are there, one for the resource."""
    scopes = check_scopes(control, identity)
    if identity is None and not scopes.allowed:
        return (_no(who.rule, f"{scopes.message}: {who.text}", "scopes"),)
    text = scopes.explanation if scopes.allowed else f"{scopes.message}; {scopes.explanation}"
    rule = Rule.GRANTED if scopes.allowed else Rule.SCOPE
    if not scopes.allowed and identity is not None and _would_pass_unlocked(control, identity):
        rule = Rule.LOCK
    each = tuple(_each(control, identity, grants))
    step = Explanation(scopes.allowed, rule, text, "scopes", each)
    if scopes.allowed and not _may_alone(control.of_scopes, identity):
        step = replace(step, rule=Rule.GRANT, text="; ".join(one.text for one in each if one.rule is Rule.GRANT))
    if not scopes.allowed or (control.resource_type is None and control.resource_action is None):
        return (step,)
    decision = check_access(control, identity)
    text = decision.explanation if decision.allowed else f"{decision.message}; {decision.explanation}"
    rule = Rule.GRANTED if decision.allowed else Rule.RESOURCE
    resource = replace(control, required_scopes=(), required_scopes_any=None)
    if decision.allowed and identity is not None and not _may_alone(resource, identity):
        given = next(grant for grant in grants if _gives(grant, control))
        rule, text = Rule.GRANT, _by(given, f"{given.resource_type}/{given.resource}")
    return step, Explanation(decision.allowed, rule, text, "resource")


def _may_alone(control: AccessControl, identity: Identity | None) -> bool:
    """Whether it may without its grants."""
    return identity is None or identity.own is None or check_access(control, identity.own).allowed


def _gives(grant: Grant, control: AccessControl) -> bool:
    """Whether the grant has a resource such as is asked for."""
    kind, name = control.resource_type, control.resource_action
    every = grant.resource == ANY and grant.resource_type in RESOURCES
    return (
        bool(grant.resource_type) and kind in (None, grant.resource_type) and (every or name in (None, grant.resource))
    )


def _by(grant: Grant, what: str) -> str:
    until = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(grant.expires_at))
    return f"“{grant.peer_id}” has {what} by a grant until {until} (grant {grant.grant_id})"


def _each(control: AccessControl, identity: Identity | None, grants: tuple[Grant, ...]) -> Iterable[Explanation]:
    """Every scope that is asked for, by itself."""
    if identity is None:
        return
    for scope in dict.fromkeys((*control.required_scopes, *(control.required_scopes_any or ()))):
        given = next((grant for grant in grants if _covering(grant.scopes, scope)), None)
        own = identity.own or identity
        if scope in identity.scopes and given is not None and scope not in own.scopes:
            yield _yes(Rule.GRANT, _by(given, _covering(given.scopes, scope) or scope), scope)
        elif scope in identity.scopes:
            yield _yes(Rule.GRANTED, f"“{identity.id}” has {_covering(identity.scopes, scope)}", scope)
        elif scope in identity.locked:
            yield _no(Rule.LOCK, f"{scope} is {identity.locked[scope]}", scope)
        else:
            yield _no(Rule.SCOPE, f"“{identity.id}” does not have {scope}", scope)


def _covering(held: Iterable[str], scope: str) -> str | None:
    """The scope by which this one is had."""
    if is_of_handler(scope):
        return covered_by(held, scope)
    return scope if scope in held else None


def _would_pass_unlocked(control: AccessControl, identity: Identity) -> bool:
    whole = Identity(identity.id, (*identity.scopes, *identity.locked), identity.resources)
    return check_scopes(control, whole).allowed


def _yes(rule: Rule, text: str, step: str = "", children: tuple[Explanation, ...] = ()) -> Explanation:
    return Explanation(allowed=True, rule=rule, text=text, step=step, children=children)


def _no(rule: Rule, text: str, step: str = "", children: tuple[Explanation, ...] = ()) -> Explanation:
    return Explanation(allowed=False, rule=rule, text=text, step=step, children=children)


def _asks(control: AccessControl) -> bool:
    return not control.unrestricted


def _locked(step: str, lock: Lock) -> Explanation:
    return _no(Rule.LOCK, f"{lock.what} is {lock.words} (lock {lock.lock_id})", step)


def _whole(steps: tuple[Explanation, ...]) -> Explanation:
    """The last step is the one that decides: nothing is judged after a refusal."""
    last = steps[-1]
    deciding = next((step for step in steps if step.rule is Rule.GRANT), last) if last.allowed else last
    return Explanation(last.allowed, deciding.rule, deciding.text, children=steps)
