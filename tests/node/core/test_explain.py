"""What the access tester says against what the node's own provider does, over indexes and locks by chance."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from node.core.access import AccessControl, check_access
from node.core.explain import Explanation, Question, Rule, Subject, SubjectKind, explain
from node.core.grants import Grant
from node.core.identity import AuthContext, Identity
from node.core.index import IndexProvider, build_index
from node.core.locks import NOTHING_HELD, Lock, LockIndex, LockKind
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.repository import resolve_client
from node.core.terms import Term

KEYS = tuple(f"ed25519:{digit * 64}" for digit in "12")
TOKENS = tuple(f"sha256:{digit * 64}" for digit in "34")
NAMES, WORDS, PREFIX = ("ann", "bob"), ("a", "b"), "alk_0001"
NOW = time.time()
words = st.lists(st.sampled_from(WORDS), unique=True, max_size=2).map(tuple)
peers = st.builds(
    PeerEntry,
    peer_id=st.sampled_from(NAMES),
    fingerprints=st.lists(st.sampled_from(KEYS), unique=True, max_size=2).map(tuple),
    auth_token_hash=st.none() | st.sampled_from(TOKENS),
    scopes=words,
    resources=st.dictionaries(st.sampled_from(WORDS), words, max_size=2),
    enabled=st.booleans(),
)
api_keys = st.builds(
    ApiKeyEntry, st.just(PREFIX), st.just(TOKENS[0]), words, expires_at=st.sampled_from([None, 9, int(NOW) + 10**6])
)
targets = st.sampled_from(
    [
        (LockKind.PEER, "ann"),
        (LockKind.PEER, PREFIX),
        (LockKind.SCOPE, "a"),
        (LockKind.ALPN, "x/1"),
        (LockKind.EVERYTHING, ""),
    ]
)
locks = st.builds(lambda what, end: Lock(f"{what}{end}", *what, expires_at=end), targets, st.sampled_from([None, 9.0]))
terms = st.builds(
    lambda name, key, end: Term(f"{key} {name}", name, key, end),
    st.sampled_from(NAMES),
    st.sampled_from(["", *KEYS]),
    st.sampled_from([9.0, NOW + 10**6]),
)
grants = st.builds(
    lambda name, given, resource, end: Grant(f"{name}{end}", name, given, *resource, end),
    st.sampled_from(NAMES),
    words,
    st.sampled_from([("", ""), ("a", "b")]),
    st.sampled_from([9.0, NOW + 10**6]),
)
controls = st.builds(
    AccessControl, words, st.none() | words, st.none() | st.sampled_from(WORDS), st.none() | st.sampled_from(WORDS)
)
subjects = st.sampled_from(
    [
        *(Subject(SubjectKind.PEER, name) for name in (*NAMES, "nobody")),
        *(Subject(SubjectKind.KEY, key) for key in KEYS),
        Subject(SubjectKind.API_KEY, PREFIX),
        Subject(SubjectKind.ANYBODY),
    ]
)
questions = st.builds(Question, subjects, st.sampled_from([b"", b"x/1", b"y/1"]), controls)


def node_says(question: Question, provider: IndexProvider) -> bool:
    """What happens to such a caller: the connection that it makes is judged, then its request."""
    key, by_token = _shown(question.subject, provider)
    auth = AuthContext(None, question.alpn, None, key)
    if provider.lock_on(auth) is not None:
        return False
    identity = resolve_client(provider, auth) or provider.held.resolved(by_token)
    return check_access(question.control, identity).allowed


def _shown(subject: Subject, provider: IndexProvider) -> tuple[str | None, Identity | None]:
    """The key that it shows on its connection, and whom its token names."""
    index = provider.index
    if subject.kind is SubjectKind.KEY:
        return subject.name, None
    if subject.kind is SubjectKind.API_KEY:
        entry = index.api_keys.get(subject.name)
        alive = entry is not None and (entry.expires_at is None or time.time() < entry.expires_at)
        return None, entry.identity() if entry is not None and alive else None
    entry = index.peers.get(subject.name)
    if entry is None:
        return None, None
    own = [key for key in entry.fingerprints if getattr(index.resolve_fingerprint(key), "id", "") == subject.name]
    token = index.holders.get(entry.auth_token_hash or "")
    if not own and token is not None and token.id == subject.name:
        return None, token
    held = [key for key in entry.fingerprints if index.resolve_fingerprint(key) is not None]
    key = next(iter([*own, *held, *entry.fingerprints]), None)
    return key, token if not held else None


def leaves(found: Explanation) -> list[Explanation]:
    return [leaf for child in found.children for leaf in (child, *leaves(child))]


@settings(max_examples=150)
@given(
    st.lists(peers, max_size=2),
    st.lists(api_keys, max_size=1),
    st.lists(locks, max_size=3),
    st.lists(terms, max_size=2),
    st.lists(grants, max_size=2),
    questions,
)
def test_the_tester_says_what_the_node_does(
    rows: list[PeerEntry],
    keys: list[ApiKeyEntry],
    held: list[Lock],
    ends: list[Term],
    given: list[Grant],
    asked: Question,
) -> None:
    provider = IndexProvider()
    provider.publish(build_index(rows, keys, terms=ends, grants=given))
    provider.publish_locks(LockIndex({lock.lock_id: lock for lock in held}))
    found = explain(asked, provider.index, provider.held, time.time())
    assert found.allowed == node_says(asked, provider)
    assert found.children
    if not found.allowed:
        last = found.children[-1]
        assert (last.allowed, last.rule, last.text) == (False, found.rule, found.text), "the last step decides"
    provider.publish(build_index(rows, keys, terms=ends))
    carried = found.allowed and not node_says(asked, provider)
    assert (found.rule is Rule.GRANT) == carried, "by a grant is what would be refused without one"


def rule_of(
    asked: Question,
    *rows: PeerEntry,
    keys: tuple[ApiKeyEntry, ...] = (),
    lock: Lock | None = None,
    ends: tuple[Term, ...] = (),
) -> Rule:
    held = LockIndex({} if lock is None else {lock.lock_id: lock}).held(NOW)
    return explain(asked, build_index(rows, keys, terms=ends, now=NOW), held, NOW).rule


def test_the_deciding_rule_is_named() -> None:
    wants = AccessControl(("a",), None, "repo", "web")
    ann = PeerEntry("ann", KEYS[:1], scopes=("a",), resources={"repo": ("web",)})
    asked = Question(Subject(SubjectKind.PEER, "ann"), b"x/1", wants)
    assert rule_of(asked, ann) is Rule.GRANTED
    assert rule_of(asked) is Rule.UNKNOWN
    assert rule_of(asked, PeerEntry("ann", KEYS[:1], enabled=False)) is Rule.DISABLED
    assert rule_of(asked, PeerEntry("ann", scopes=("a",))) is Rule.NO_PROOF
    for end in ("", KEYS[0]):
        over = build_index([ann], terms=[Term("1", "ann", end, NOW)], now=NOW)
        for subject in (Subject(SubjectKind.PEER, "ann"), Subject(SubjectKind.KEY, KEYS[0])):
            assert explain(Question(subject, b"x/1", wants), over, NOTHING_HELD, NOW).rule is Rule.EXPIRED
    assert rule_of(asked, PeerEntry("ann", KEYS[:1])) is Rule.SCOPE
    assert rule_of(asked, PeerEntry("ann", KEYS[:1], scopes=("a",))) is Rule.RESOURCE
    for kind, target in ((LockKind.PEER, "ann"), (LockKind.SCOPE, "a"), (LockKind.ALPN, "x/1")):
        assert rule_of(asked, ann, lock=Lock("1", kind, target)) is Rule.LOCK
    for fingerprint in ("", KEYS[0]):
        over = Term("1", "ann", fingerprint, 9.0)
        assert rule_of(asked, ann, ends=(over,)) is Rule.EXPIRED
        assert rule_of(Question(Subject(SubjectKind.KEY, KEYS[0]), b"", wants), ann, ends=(over,)) is Rule.EXPIRED
    key = ApiKeyEntry(PREFIX, TOKENS[0], ("a",), expires_at=9)
    assert rule_of(Question(Subject(SubjectKind.API_KEY, PREFIX), b"", wants), keys=(key,)) is Rule.EXPIRED
    assert rule_of(Question(Subject(SubjectKind.ANYBODY), b"", wants)) is Rule.ANONYMOUS


def test_a_grant_is_named_with_its_end() -> None:
    index = build_index(
        [PeerEntry("ann", KEYS[:1], scopes=("b",))],
        now=NOW,
        grants=[
            Grant("g1", "ann", ("a",), "repo", "web", 4_000_000_000.0),
            Grant("g0", "ann", ("a",), "", "", NOW + 9),
        ],
    )
    until = "by a grant until 2096-10-02 07:06:40 UTC (grant g1)"
    asked = Question(Subject(SubjectKind.PEER, "ann"), b"", AccessControl(("b", "a"), None, "repo", "web"))
    found = explain(asked, index, NOTHING_HELD, NOW)
    assert (found.rule, found.text, found.who) == (Rule.GRANT, f"“ann” has a {until}", "ann")
    assert [step.rule for step in found.children[2].children] == [Rule.GRANTED, Rule.GRANT]
    assert found.children[3].text == f"“ann” has repo/web {until}"
    assert explain(asked, index.at(4_000_000_000.0), NOTHING_HELD, NOW).rule is Rule.SCOPE


def test_a_star_counts_for_handlers_and_not_for_operations() -> None:
    held = ("ssh:exec:*", "sftp:*", "demo:*")
    index = build_index(
        [PeerEntry("ann", KEYS[:1], scopes=held, resources={"bucket": ("*",), "repo": ("*",)})], now=NOW
    )

    def found(alpn: bytes, *scopes: str, kind: str | None = None, name: str | None = None) -> Explanation:
        asked = AccessControl(scopes, None, kind, name)
        return explain(Question(Subject(SubjectKind.PEER, "ann"), alpn, asked), index, NOTHING_HELD, NOW)

    for alpn in (b"alknet/ssh", b"alknet/sftp", b""):
        one = found(alpn, "ssh:exec:uptime")
        assert one.allowed
        assert one.children[2].children[0].text == "“ann” has ssh:exec:*"
        assert found(alpn, "sftp:read", kind="bucket", name="photos").allowed
        assert not found(alpn, "ssh:shell").allowed
        assert not found(alpn, "demo:read").allowed
        assert not found(alpn, kind="repo", name="web").allowed
    assert not found(b"alknet/call", "ssh:exec:uptime").allowed
    assert not found(b"alknet/call", kind="bucket", name="photos").allowed


def test_a_grant_with_a_star_is_named() -> None:
    grant = Grant("g1", "ann", ("ssh:exec:*",), "bucket", "*", 4_000_000_000.0)
    index = build_index([PeerEntry("ann", KEYS[:1])], now=NOW, grants=[grant])
    asked = AccessControl(("ssh:exec:id",), None, "bucket", "photos")
    found = explain(Question(Subject(SubjectKind.PEER, "ann"), b"alknet/ssh", asked), index, NOTHING_HELD, NOW)
    assert (found.allowed, found.rule) == (True, Rule.GRANT)
    assert "has ssh:exec:* by a grant" in found.text


def test_a_lock_on_a_scope_with_a_star_is_named() -> None:
    ann = PeerEntry("ann", KEYS[:1], scopes=("ssh:exec:*",))
    asked = Question(Subject(SubjectKind.PEER, "ann"), b"alknet/ssh", AccessControl(("ssh:exec:id",)))
    for target in ("ssh:exec:*", "ssh:exec:id"):
        assert rule_of(asked, ann, lock=Lock("1", LockKind.SCOPE, target)) is Rule.LOCK
    assert rule_of(asked, ann, lock=Lock("1", LockKind.SCOPE, "ssh:exec:cat")) is Rule.GRANTED
