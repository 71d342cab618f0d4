"""Peers as OpenSSH's authorized_keys (sshd(8)): a key on each line, and after it the name of its peer.

It holds names and Ed25519 keys alone. sshd would let in whoever is named in such a file, so that a disabled peer is
written as a comment.
"""

import re
from collections.abc import Iterable

from apps.peers.portable.rows import MAX_ROWS, Faults, Row, too_many
from node.core.fingerprint import KeyFormatError, parse_key, spellings
from node.core.peers import PeerEntry

_LINE_END = re.compile(r"\r\n|\r|\n")
_LATER = re.compile(r"\sssh-ed25519\s")


def write(entries: Iterable[PeerEntry]) -> str:
    """The file."""
    return "".join(f"{line}\n" for entry in entries for line in _lines(entry))


def read(text: str) -> list[Row]:
    """A row for each name; lines with the same name are the keys of one peer. Raises ImportRefused."""
    faults = Faults()
    places: dict[str, str] = {}
    keys: dict[str, list[str]] = {}
    for number, line in enumerate(_LINE_END.split(text), start=1):
        place = f"line {number}"
        if (found := _parsed(place, line.strip(), faults)) is None:
            continue
        name, key = found
        if len(keys) == MAX_ROWS and name not in keys:
            raise too_many(place)
        places.setdefault(name, place)
        keys.setdefault(name, []).append(key)
    faults.end()
    return [Row(places[name], {"peer_id": name, "keys": found}) for name, found in keys.items()]


def _lines(entry: PeerEntry) -> Iterable[str]:
    for name in entry.fingerprints:
        line = spellings(name).openssh
        if line is None:
            yield f"# {entry.peer_id}: {name} is a certificate's, which OpenSSH has no line for"
        else:
            yield f"{line} {entry.peer_id}" if entry.enabled else f"# disabled: {line} {entry.peer_id}"


def _parsed(place: str, line: str, faults: Faults) -> tuple[str, str] | None:
    """The name and the key of a line; None for one that has neither, or that is wrong."""
    if not line or line.startswith("#"):
        return None
    kind, *rest = line.split(maxsplit=2)
    if kind != "ssh-ed25519" and _LATER.search(line):
        faults.add(place, "There are options before the key, which mean nothing here: take them away.")
        return None
    try:
        key = parse_key(" ".join([kind, *rest[:1]]))
    except KeyFormatError as error:
        text = str(error)
        faults.add(place, f"{text[:1].upper()}{text[1:]}.")
        return None
    if len(rest) < 2:
        faults.add(place, "After the key there has to be the name of its peer.")
        return None
    return rest[1], key
