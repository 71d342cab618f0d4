"""Finding peers by what people have at hand: part of a name, a scope or a note, or a key in any spelling.

One pass over the table each time: a part of a text is found by no index. With ten thousand peers that is some
milliseconds.
"""

import json
import re
from functools import reduce
from operator import and_, or_

from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, StrIndex

from apps.peers.models import Peer, PeerNote
from node.core.fingerprint import KeyFormatError, is_fingerprint, openssh_fingerprint, parse_key

MAX_WORDS = 16
"""Of a search, the words that count."""
COLUMNS = ("peer_id", "display_name", "fingerprints", "scopes")
_HASH = re.compile(r"(?:SHA256:)?([0-9A-Za-z+/]{8,43})=?")
"""What `ssh-keygen -l` prints of a key, or the beginning of it."""
_WHOLE_HASH = 43
_KEYS = re.compile(r"ed25519:[0-9a-f]{64}")
MAX_HASHED = 500
"""Peers that the beginning of a hash finds at most."""
_BARE = (
    ("AAAAC3NzaC1lZDI1NTE5", "ssh-ed25519 {}"),
    ("MCowBQYDK2Vw", "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----"),
)
"""How the base64 of a key begins without what is written around it, and what that is."""


def matching(rows: QuerySet[Peer], text: str) -> QuerySet[Peer]:
    """Those that have the key that the text is, or every word of it in a name, a key, a scope or a note."""
    if not (text := text.strip()):
        return rows
    if (key := key_of(text)) is not None:
        return _having(rows, "fingerprints", key)
    digest = _HASH.fullmatch(text)
    hashed = digest is not None and ("SHA256:" in text or len(digest[1]) == _WHOLE_HASH)
    if digest is not None and hashed and (names := _by_openssh_hash(digest[1])):
        return rows.filter(pk__in=names)
    found = reduce(and_, (_any_column(word) for word in text.split()[:MAX_WORDS]))
    return rows.filter(found)


def key_of(text: str) -> str | None:
    """The fingerprint, if the text is a key in any spelling that holds one; also the base64 in the middle alone."""
    whole = next((frame.format(text) for begin, frame in _BARE if text.startswith(begin)), text)
    try:
        return parse_key(whole)
    except KeyFormatError:
        kind, _, digits = text.partition(":")
        exact = f"{kind}:{digits.lower()}"
        return exact if is_fingerprint(exact) else None


def with_scope(rows: QuerySet[Peer], scope: str) -> QuerySet[Peer]:
    """Those that have just this scope."""
    return _having(rows, "scopes", json.dumps(scope))


def with_scope_text(rows: QuerySet[Peer], text: str) -> QuerySet[Peer]:
    """Those with a scope in which this stands."""
    return _having(rows, "scopes", text)


def _having(rows: QuerySet[Peer], column: str, text: str) -> QuerySet[Peer]:
    """Those in whose JSON of this column the text stands, letter by letter."""
    return rows.alias(found=StrIndex(Cast(column, TextField()), Value(text))).filter(found__gt=0)


def _any_column(word: str) -> Q:
    noted = Q(pk__in=PeerNote.objects.filter(text__icontains=word).values("peer_id"))
    return reduce(or_, (Q(**{f"{name}__icontains": word}) for name in COLUMNS), noted)


def _by_openssh_hash(begin: str) -> list[str]:
    """OpenSSH's hash does not hold the key: that of every key is made and compared."""
    wanted = f"SHA256:{begin}"
    texts = Peer.objects.order_by().annotate(text=Cast("fingerprints", TextField())).values_list("pk", "text")
    return [
        name
        for name, text in texts
        for key in _KEYS.findall(text)
        if (openssh_fingerprint(key) or "").startswith(wanted)
    ][:MAX_HASHED]
