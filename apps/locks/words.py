"""How a lock reads in the panel."""

from datetime import UTC, datetime

from node.core.locks import LockKind

_NOUNS = {
    LockKind.PEER: "Peer",
    LockKind.SCOPE: "Scope",
    LockKind.ALPN: "Protocol",
    LockKind.CREDENTIAL: "Credential",
    LockKind.EVERYTHING: "Everything",
}


def what_words(kind: str, target: str) -> str:
    """“Peer ann”; a kind that nobody knows stays as it is."""
    noun = _NOUNS.get(LockKind(kind), kind) if kind in frozenset(LockKind) else kind
    return f"{noun} {target}".strip()


def end_words(expires_at: float | None, *, holds: bool) -> str:
    """Until when, in UTC, or that it has ended."""
    if expires_at is None:
        return "unlocked by hand"
    try:
        moment = f"{datetime.fromtimestamp(expires_at, UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        moment = f"{expires_at} (unix seconds)"
    return moment if holds else f"ended {moment}"
