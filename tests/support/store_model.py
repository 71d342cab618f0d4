"""What rows of peers, keys, sealed credentials and locks hold: the oracle of histories, and what they draw from.

It is a dict of what each row holds, and the rules of spec core §8: enabled peers in the order of their names.
"""

from dataclasses import dataclass, field, replace

from node.core.credential_index import Credentials
from node.core.credentials import EncryptedData
from node.core.grants import Grant
from node.core.identity import Identity
from node.core.index import PeerIndex
from node.core.locks import Lock, LockIndex, LockKind
from node.core.peers import ApiKeyEntry, PeerEntry
from node.core.terms import Term
from node.core.tokens import hash_token

NAMES = ["ann", "bob", "cyd", "dée", "eve's\u2009\""]
KEYS = [f"ed25519:{n:064x}" for n in range(4)]
TOKENS = [hash_token(f"token {n}") for n in range(2)]
PREFIXES = ["alk_aaaa", "alk_bbbb"]
JUNK = [
    ("fingerprints", "[1]"),
    ("fingerprints", "no json"),
    ("auth_token_hash", "sha256:short"),
    ("scopes", '["two words"]'),
    ("scopes", '{"a": 1}'),
    ("resources", "[]"),
    ("resources", '{"repo": "web"}'),
    ("enabled", "perhaps"),
    ("enabled", 7),
    ("display_name", "two\nlines"),
]
PROVIDERS = ["openai", "git hub", "ünï'\""]
SEALED = [EncryptedData(version, bytes(version), bytes(12), bytes([version]) * 20) for version in (2, 3)]
LOCK_IDS = ["1", "two", "dreí'\""]
LOCKS = [
    (LockKind.PEER, "ann", "", None),
    (LockKind.PEER, "ann", "away", 5.5),
    (LockKind.SCOPE, "a", "", 9.0),
    (LockKind.ALPN, "test/é", "", None),
    (LockKind.CREDENTIAL, "openai", "spent", 7.25),
    (LockKind.EVERYTHING, "", "maintenance", None),
]
LOCK_JUNK = [
    ("target_kind", "pear"),
    ("target", "two\nlines"),
    ("target", b"\xff"),
    ("message", "two\nlines"),
    ("message", b"\xff"),
    ("expires_at", "soon"),
]
FAR = 7_000_000_000.25
ENDS = [5.5, 9.0, FAR]
"""Long past, or far away."""
TERM_JUNK = [
    ("peer_id", b"\xff"),
    ("fingerprint", "ed25519:short"),
    ("fingerprint", b"\xff"),
    ("expires_at", "soon"),
]
GRANT_IDS = ["g1", "zwei"]
GRANTED = [(("b",), "", ""), (("a", "c"), "repo", "web"), ((), "repo", "döcs")]
GRANT_JUNK = [
    ("peer_id", b"\xff"),
    ("scopes", "no json"),
    ("scopes", '["two words"]'),
    ("resource", "x" * 1000),
    ("expires_at", "soon"),
    ("expires_at", float("inf")),
]
SEALED_JUNK = [("key_version", "two"), ("key_version", 0), ("iv", "a text"), ("salt", 7), ("data", "")]


@dataclass
class Model:
    """What the rows hold: the oracle. A row that cannot be read is None."""

    peers: dict[str, PeerEntry | None] = field(default_factory=dict)
    keys: dict[str, ApiKeyEntry] = field(default_factory=dict)
    sealed: dict[str, EncryptedData | None] = field(default_factory=dict)
    locks: dict[str, Lock | None] = field(default_factory=dict)
    terms: dict[str, Term | None] = field(default_factory=dict)
    grants: dict[str, Grant | None] = field(default_factory=dict)

    def holder(self, credential: str) -> Identity | None:
        for _, peer in sorted(self.peers.items()):
            held = peer and peer.enabled and credential in (*peer.fingerprints, peer.auth_token_hash)
            if peer and held and not self.over(peer.peer_id, "") and not self.over(peer.peer_id, credential):
                return self.granted(Identity(peer.peer_id, peer.scopes, peer.resources))
        return None

    def granted(self, own: Identity) -> Identity:
        """With what is given besides, by what lasts longest first."""
        scopes, resources = list(own.scopes), {kind: list(names) for kind, names in own.resources.items()}
        for grant in sorted(filter(None, self.grants.values()), key=lambda grant: (-grant.expires_at, grant.grant_id)):
            if grant.peer_id == own.id and grant.expires_at >= FAR:
                scopes += [scope for scope in grant.scopes if scope not in scopes]
                names = resources.setdefault(grant.resource_type, []) if grant.resource_type else []
                names += [grant.resource] if grant.resource not in names else []
        whole = Identity(own.id, tuple(scopes), {kind: tuple(names) for kind, names in resources.items()})
        return own if whole == own else replace(whole, own=own)

    def over(self, peer_id: str, fingerprint: str) -> bool:
        """Whether an end of this very peer, or of this key of it, has come."""
        terms = [term for term in self.terms.values() if term and term.expires_at < FAR]
        return any((term.peer_id, term.fingerprint) == (peer_id, fingerprint) for term in terms)

    def agrees(self, index: PeerIndex, credentials: Credentials, locks: LockIndex) -> bool:
        return (
            dict(locks.locks) == {name: lock for name, lock in self.locks.items() if lock}
            and dict(credentials) == {name: sealed for name, sealed in self.sealed.items() if sealed}
            and dict(index.peers) == {name: peer for name, peer in self.peers.items() if peer}
            and dict(index.terms.terms) == {name: term for name, term in self.terms.items() if term}
            and dict(index.grants.grants) == {name: grant for name, grant in self.grants.items() if grant}
            and dict(index.api_keys) == self.keys
            and all(index.resolve_fingerprint(name) == self.holder(name) for name in KEYS + TOKENS)
        )
