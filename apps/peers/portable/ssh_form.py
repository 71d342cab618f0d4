"""Peers as OpenSSH's authorized_keys (sshd(8)): a key on each line, and after it the name of its peer.

It holds names and Ed25519 keys alone. sshd would let in whoever is named in such a file, and for ever, so that a peer
that is disabled and a key that ends are written as comments.
"""

import re
from collections.abc import Iterable, Iterator

from apps.peers.portable.moments import written
from apps.peers.portable.rows import MAX_EMPTY, MAX_ROWS, Faults, Row, too_empty, too_many
from apps.peers.terms import PeerState
from node.core.fingerprint import KeyFormatError, parse_key, spellings

_LINE_END = re.compile(r"\r\n|\r|\n")
_LATER = re.compile(r"\sssh-ed25519\s")


def write(states: Iterable[PeerState]) -> str:
    """The file."""
    return "".join(f"{line}\n" for state in states for line in _lines(state))


def read(text: str) -> list[Row]:
    """A row for each name; lines with the same name are the keys of one peer. Raises ImportRefused."""
    faults = Faults()
    places: dict[str, str] = {}
    keys: dict[str, list[str]] = {}
    empty = 0
    for number, line in enumerate(_split(text), start=1):
        if not (bare := line.strip()) or bare.startswith("#"):
            empty += 1
            if empty > MAX_EMPTY:
                raise too_empty(f"line {number}")
            continue
        place = f"line {number}"
        if (found := _parsed(place, bare, faults)) is None:
            continue
        name, key = found
        if len(keys) == MAX_ROWS and name not in keys:
            raise too_many(place)
        places.setdefault(name, place)
        keys.setdefault(name, []).append(key)
    faults.end()
    return [Row(places[name], {"peer_id": name, "keys": found}) for name, found in keys.items()]


def _split(text: str) -> Iterator[str]:
    """The lines, one after another."""
    start = 0
    for end in _LINE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]


def _lines(state: PeerState) -> Iterable[str]:
    for name in state.entry.fingerprints:
        line = spellings(name).openssh
        if line is None:
            yield f"# {state.peer_id}: {name} is a certificate's, which OpenSSH has no line for"
        else:
            why = _not_for_sshd(state, name)
            yield f"# {why}: {line} {state.peer_id}" if why else f"{line} {state.peer_id}"


def _not_for_sshd(state: PeerState, fingerprint: str) -> str:
    """Why a key is not to be taken as it stands; empty where it is."""
    ends = (state.terms.expires_at, state.terms.key_expires_at.get(fingerprint))
    if not state.entry.enabled:
        return "disabled"
    end = min((end for end in ends if end is not None), default=None)
    return "" if end is None else f"ends {written(end)}"


def _parsed(place: str, line: str, faults: Faults) -> tuple[str, str] | None:
    """The name and the key of a line; None for one that is wrong."""
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
