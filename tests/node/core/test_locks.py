"""What is held at a moment, against an oracle that asks every lock anew; and what a lock is told to be."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.access import AccessControl, check_access
from node.core.identity import AuthContext, AuthToken, Identity
from node.core.index import IndexProvider, build_index
from node.core.lock_provider import LockSwap
from node.core.locks import (
    MAX_MESSAGE,
    NOTHING_HELD,
    Lock,
    LockIndex,
    LockKind,
    check_message,
    check_reason,
    check_target,
)
from node.core.peers import NO_CONTROL, ApiKeyEntry, PeerEntry, check_end
from node.core.scopes import allowed_by_scope
from node.core.span import ALWAYS
from node.core.tokens import hash_token

KEY = "ed25519:" + "a" * 64
ANN = PeerEntry("ann", (KEY,), hash_token("ann's"), ("a", "b"), {"repo": ("web",)})
ROBOT = ApiKeyEntry("alk_abcd", hash_token("alk_abcd1234"), ("a",))
TARGETS = {
    LockKind.PEER: ["ann", "bob", "alk_abcd"],
    LockKind.SCOPE: ["a", "b"],
    LockKind.ALPN: ["test/é", "alknet/call"],
    LockKind.CREDENTIAL: ["openai"],
    LockKind.EVERYTHING: [""],
}

times = st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0])
locks = st.sampled_from(LockKind).flatmap(
    lambda kind: st.builds(
        Lock,
        st.sampled_from("123456"),
        st.just(kind),
        st.sampled_from(TARGETS[kind]),
        st.sampled_from(["", "away"]),
        st.none() | times,
    )
)


def index(found: list[Lock]) -> LockIndex:
    return LockIndex().patched({lock.lock_id: lock for lock in found}, 1)


def strongest(found: list[Lock], kind: LockKind, target: str, now: float) -> Lock | None:
    """The oracle: of those that hold this, the one that holds longest, and of these the lowest id."""
    holding = [lock for lock in found if (lock.kind, lock.target) == (kind, target) and lock.holds(now)]
    ends = {lock.lock_id: math.inf if lock.expires_at is None else lock.expires_at for lock in holding}
    return min(holding, key=lambda lock: (-ends[lock.lock_id], lock.lock_id), default=None)


@given(st.lists(locks, max_size=6, unique_by=lambda lock: lock.lock_id), times)
def test_what_is_held_is_what_every_lock_says(found: list[Lock], now: float) -> None:
    held = index(found).held(now)
    everything = strongest(found, LockKind.EVERYTHING, "", now)
    for name in TARGETS[LockKind.CREDENTIAL]:
        assert held.on_credential(name) == (everything or strongest(found, LockKind.CREDENTIAL, name, now))
    for alpn in TARGETS[LockKind.ALPN]:
        for peer in TARGETS[LockKind.PEER]:
            expected = everything or strongest(found, LockKind.ALPN, alpn, now)
            assert held.on_connection(alpn.encode()) == expected
            assert held.on_connection(alpn.encode(), [peer]) == (expected or strongest(found, LockKind.PEER, peer, now))
    assert (held is NOTHING_HELD) == (not any(lock.holds(now) for lock in found))


@given(st.lists(locks, max_size=6, unique_by=lambda lock: lock.lock_id), times, st.sampled_from(["ann", "zoe"]))
def test_an_identity_is_what_every_lock_leaves_of_it(found: list[Lock], now: float, name: str) -> None:
    """Whether it is asked about for the first time, again, or after it had other scopes under the same locks."""
    held = index(found).held(now)
    gone = strongest(found, LockKind.EVERYTHING, "", now) or strongest(found, LockKind.PEER, name, now)
    for scopes in (("a", "b"), ("a", "b"), ("b", "c"), (), ("a", "b")):
        identity = Identity(name, scopes, {"repo": ("web",)})
        seen = held.resolved(identity)
        locks = {scope: strongest(found, LockKind.SCOPE, scope, now) for scope in scopes}
        if gone is not None:
            assert seen is None
        else:
            assert seen == replace(identity, scopes=tuple(scope for scope in scopes if locks[scope] is None))
            assert seen is not None
            assert seen.locked == {scope: lock.words for scope, lock in locks.items() if lock is not None}


def test_an_identity_is_worked_out_once_and_not_for_ever_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.core.locks.MAX_REMEMBERED", 2)
    held = index([Lock("1", LockKind.SCOPE, "a")]).held(0.0)
    ann, bob, cyd = (Identity(name, ("a", "b")) for name in ("ann", "bob", "cyd"))
    first = held.resolved(ann)
    assert held.resolved(Identity("ann", ("a", "b"))) is first
    assert [held.resolved(one) for one in (bob, cyd, ann)] == [Identity(name, ("b",)) for name in ("bob", "cyd", "ann")]
    assert len(held._remembered) == 2
    assert NOTHING_HELD.resolved(ann) is ann
    assert not NOTHING_HELD._remembered


@given(st.lists(locks, max_size=6), st.lists(locks | st.sampled_from("123456"), max_size=6), times)
def test_a_patched_index_is_one_of_the_rows_that_are_left(
    before: list[Lock], steps: list[Lock | str], now: float
) -> None:
    rows = {lock.lock_id: lock for lock in before}
    patched = index(before)
    for step in steps:
        change = {step: None} if isinstance(step, str) else {step.lock_id: step}
        patched = patched.patched(change, 2)
        rows.update({name: lock for name, lock in change.items() if lock is not None})
        if isinstance(step, str):
            rows.pop(step, None)
    assert patched.held(now) == index(list(rows.values())).held(now)


@given(st.lists(locks, max_size=6, unique_by=lambda lock: lock.lock_id), times)
def test_the_same_holds_in_a_span_and_another_one_begins_at_its_end(found: list[Lock], now: float) -> None:
    whole = index(found)
    span = whole.span(now)
    assert span.has(now)
    for moment in (-1.0, 0.0, 0.5, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 9.0):
        assert whole.held(moment) == whole.held(now) or not span.has(moment)
        assert (whole.span(moment) == span) == span.has(moment)
    assert (span == ALWAYS) == all(lock.expires_at is None for lock in found)


def provider(*found: Lock) -> IndexProvider:
    provider = IndexProvider()
    provider.publish(build_index([ANN], [ROBOT]))
    provider.publish_locks(index(list(found)))
    return provider


def test_a_locked_peer_is_nobody_by_key_and_by_token() -> None:
    locked = provider(Lock("1", LockKind.PEER, "ann"))
    assert locked.resolve_from_fingerprint(KEY) is None
    assert locked.resolve_from_token(AuthToken(b"ann's")) is None
    assert locked.resolve_from_token(AuthToken(b"alk_abcd1234")) == Identity("alk_abcd", ("a",))
    assert provider(Lock("1", LockKind.PEER, "alk_abcd")).resolve_from_token(AuthToken(b"alk_abcd1234")) is None


def test_the_lock_on_a_token_is_its_holders_and_a_guess_has_none() -> None:
    lock, everything = Lock("1", LockKind.PEER, "ann", "away"), Lock("2", LockKind.EVERYTHING)
    ann, robot, guess = (AuthToken(raw) for raw in (b"ann's", b"alk_abcd1234", b"a guess"))
    assert [provider(lock).lock_on_token(token) for token in (ann, robot, guess)] == [lock, None, None]
    assert [provider(everything).lock_on_token(token) for token in (ann, robot, guess)] == [
        everything,
        everything,
        None,
    ]
    assert provider().lock_on_token(ann) is None


def test_a_locked_scope_is_nobodys_and_the_explanation_names_it() -> None:
    identity = provider(Lock("1", LockKind.SCOPE, "a")).resolve_from_fingerprint(KEY)
    assert identity == Identity("ann", ("b",), {"repo": ("web",)})
    decision = check_access(AccessControl(("a",)), identity)
    assert (decision.allowed, decision.message) == (False, "missing required scope: a; locked")
    assert decision.explanation == "“ann” has these scopes: b; a is locked"
    assert identity.to_json() == {"id": "ann", "scopes": ["b"], "resources": {"repo": ["web"]}}


@pytest.mark.parametrize(
    ("held", "locked", "lost", "kept"),
    [
        ("ssh:*", "ssh:shell", "ssh:shell", "ssh:sftp"),
        ("ssh:exec:id", "ssh:exec:*", "ssh:exec:id", None),
        ("ssh:forward:*:22", "ssh:forward:db:*", "ssh:forward:db:22", "ssh:forward:web:22"),
        ("sftp:*", "sftp:write", "sftp:write", "sftp:read"),
    ],
)
def test_a_lock_on_a_handlers_scope_holds_what_both_cover(held: str, locked: str, lost: str, kept: str | None) -> None:
    locks = LockIndex({"1": Lock("1", LockKind.SCOPE, locked, "not now")}).held(0)
    now = locks.resolved(Identity("ann", (held,)))
    refused = allowed_by_scope(now, lost)
    assert (refused.allowed, refused.message) == (False, f"missing required scope: {lost}; locked: not now")
    assert kept is None or allowed_by_scope(now, kept).allowed
    other = Identity("bob", ("demo:*", "ssh:exec:id:x"))
    assert locks.resolved(other) is other


def test_the_denied_are_told_the_message_of_the_lock_and_only_they_are() -> None:
    identity = provider(Lock("1", LockKind.SCOPE, "a", "call the desk")).resolve_from_fingerprint(KEY)
    decision = check_access(AccessControl(("b", "a")), identity)
    assert decision.message == "missing required scope: a; locked: call the desk"
    assert decision.explanation == "“ann” has these scopes: b; a is locked: call the desk"
    choice = check_access(AccessControl((), ("x", "a")), identity)
    assert choice.message == "missing required scope (any of: x, a); locked: call the desk"
    assert check_access(AccessControl((), ("a", "b")), identity).allowed, "one of several is left"
    others = check_access(AccessControl(("a", "c")), Identity("zoe", ("b",)))
    assert others.message == "missing required scope: a", "who never had it hears nothing of a lock"


def test_no_message_is_lost_in_what_the_journal_keeps_of_a_denial() -> None:
    scopes = tuple(f"{number}{'s' * 250}" for number in range(1000))
    locked = Identity("p" * 255, scopes, locked={"t" * 255: "locked: " + "é" * 112 + "…"})
    decision = check_access(AccessControl(("t" * 255,)), locked)
    assert decision.explanation.endswith("is locked: " + "é" * 112 + "…")
    assert len(decision.explanation) < 1000


def test_the_lock_on_a_connection_goes_by_who_it_was_accepted_as_and_by_its_key() -> None:
    locked = provider(Lock("1", LockKind.PEER, "ann", "away"))
    lock = locked.lock_on(AuthContext(None, b"x", None, KEY))
    assert lock is not None
    assert lock.words == "locked: away"
    assert locked.lock_on(AuthContext(Identity("ann"), b"x")) == lock
    assert locked.lock_on(AuthContext.anonymous(b"x")) is None


def test_subscribers_hear_of_what_changed_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    now, heard = 10.0, list[LockSwap]()
    monkeypatch.setattr("time.time", lambda: now)
    followed = IndexProvider()
    followed.subscribe_locks(heard.append)
    soon = Lock("1", LockKind.PEER, "ann", expires_at=20.0)
    followed.publish_locks(index([soon]), 9.5)
    followed.publish_locks(index([soon]), 9.75)
    followed.keep_time()
    assert [(swap.new.peers, swap.committed_at, swap.generation) for swap in heard] == [({"ann": soon}, 9.5, 1)]
    now = 20.0
    followed.keep_time()
    assert (heard[-1].new, heard[-1].committed_at, followed.held) == (NOTHING_HELD, None, NOTHING_HELD)
    now = 19.0
    followed.keep_time()
    assert followed.held.peers == {"ann": soon}, "a clock that is set back brings a lock back"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (check_target(LockKind.PEER, ""), "A peer needs a name."),
        (check_target(LockKind.SCOPE, "two words"), "A scope has no spaces or commas and is not empty."),
        (check_target(LockKind.SCOPE, None), "Which scope?"),
        (check_target(LockKind.ALPN, "a\nb"), "A protocol has a name, such as alknet/call."),
        (check_target(LockKind.ALPN, "é" * 128), "The name of a protocol has at most 255 bytes."),
        (
            check_target(LockKind.CREDENTIAL, " x"),
            f"The name of a provider has {NO_CONTROL}.",
        ),
        (check_target(LockKind.EVERYTHING, "all"), "Everything has no target."),
        (check_message("a\nb"), "This is one line of text."),
        (check_message("a" * 201), "At most 200 characters; this has 201."),
        (check_message("é" * 200), "At most 240 bytes of UTF-8; this has 400."),
        (check_reason("a" * 1001), "At most 1000 characters; this has 1001."),
        (check_end(math.nan), "An end is in unix seconds, at the latest in the year 9999."),
        (check_end(True), "An end is in unix seconds, at the latest in the year 9999."),
        (check_end("soon"), "An end is in unix seconds, at the latest in the year 9999."),
    ],
)
def test_what_is_wrong_with_a_field_is_told(wrong: list[str], words: str) -> None:
    assert wrong == [words]


def test_what_is_right_is_let_through() -> None:
    assert not any(check_target(kind, name) for kind, names in TARGETS.items() for name in names)
    assert not check_message("a" * MAX_MESSAGE)
    assert not check_end(None)
    assert not check_end(2_000_000_000.25)
