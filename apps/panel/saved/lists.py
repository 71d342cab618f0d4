"""The lists whose filters can be saved, and what of an address narrows each: nothing else is kept, or followed.

An address comes from whoever sends the form, and a stored one from whoever wrote the file: both go through `known`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from urllib.parse import parse_qsl, urlencode

from django.urls import reverse

from node.core.journal import EventKind

MAX_QUERY = 2_000
MAX_VALUE = 255
_MAX_PARTS = 50
_ORDER = re.compile(r"-?\d{1,2}(\.-?\d{1,2}){0,9}", re.ASCII)
Check = Callable[[str], bool]


def _text(value: str) -> bool:
    return len(value) <= MAX_VALUE and value.isprintable()


def _order(value: str) -> bool:
    return _ORDER.fullmatch(value) is not None


def _moment(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return _text(value)


def _one_of(*values: str) -> Check:
    return frozenset(values).__contains__


@dataclass(frozen=True, slots=True)
class SavedList:
    """A list by its model. Who has `share` may keep a filter for everybody, and change those that are everybody's."""

    app: str
    model: str
    title: str
    share: str
    parameters: Mapping[str, tuple[str, Check]]
    """What narrows or sorts it: the word for it, and which values it takes."""

    @property
    def view(self) -> str:
        """The permission to see the list."""
        return f"{self.app}.view_{self.model}"

    @property
    def url(self) -> str:
        return reverse(f"admin:{self.app}_{self.model}_changelist")

    def known(self, query: str) -> tuple[str, list[str]]:
        """The part of an address's query that the list knows, always in one order; and which of it has no sense."""
        try:
            given = dict(parse_qsl(query[:MAX_QUERY], max_num_fields=_MAX_PARTS))
        except ValueError:
            return "", ["the address"]
        sent = {name: given[name].strip() for name in self.parameters if given.get(name, "").strip()}
        wrong = [name for name, value in sent.items() if not self.parameters[name][1](value)]
        return urlencode({name: value for name, value in sent.items() if name not in wrong}), wrong

    def words(self, query: str) -> str:
        """A query for people: “search web, token set”."""
        parts = parse_qsl(self.known(query)[0])
        return ", ".join(f"{self.parameters[name][0]} {value}" for name, value in parts)


_SEARCH = {"q": ("search", _text)}
_SORTED = {"o": ("sorted by column", _order)}
_LISTS = (
    SavedList(
        "peers",
        "peer",
        "Peers",
        "peers.change_peer",
        {
            **_SEARCH,
            "enabled__exact": ("enabled", _one_of("0", "1")),
            "expiry": ("expiry", _one_of("soon", "expired", "set", "key")),
            "token": ("token", _one_of("set", "none")),
            "connected": ("connected", _one_of("now", "not")),
            "locked": ("locked", _one_of("yes", "no")),
            "scope": ("scope", _text),
            **_SORTED,
        },
    ),
    SavedList(
        "activity",
        "event",
        "Activity",
        "activity.delete_connection",
        {
            "kind": ("what", _one_of(*EventKind)),
            "peer": ("peer", _text),
            "alpn": ("protocol", _text),
            "text": ("text", _text),
            "since": ("from", _moment),
            "until": ("before", _moment),
        },
    ),
    SavedList(
        "activity",
        "connection",
        "Live connections",
        "activity.delete_connection",
        {"peer": ("peer", _text), "alpn": ("protocol", _text), "text": ("text", _text)},
    ),
    SavedList(
        "audit",
        "auditentry",
        "Audit log",
        "audit.add_checkpoint",
        {**_SEARCH, "action": ("what", _text), "actor_kind": ("via", _text), **_SORTED},
    ),
)
LISTS: Mapping[str, SavedList] = MappingProxyType({one.model: one for one in _LISTS})
"""By the names of their models, which is what a saved filter calls its list."""
