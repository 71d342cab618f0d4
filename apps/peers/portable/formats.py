"""The forms that a file of peers can have, and how a file's form is guessed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from apps.peers.portable import csv_form, ssh_form, toml_form
from apps.peers.portable.rows import ImportRefused, Row, refuse
from apps.peers.portable.text import text_of
from apps.peers.terms import PeerState


class Format(StrEnum):
    """How peers are written down."""

    TOML = "toml"
    CSV = "csv"
    AUTHORIZED_KEYS = "authorized_keys"


@dataclass(frozen=True, slots=True)
class _Form:
    write: Callable[[Iterable[PeerState]], str]
    read: Callable[[str], list[Row]]
    media_type: str
    file_name: str


_FORMS = {
    Format.TOML: _Form(toml_form.write, toml_form.read, "application/toml", "peers.toml"),
    Format.CSV: _Form(csv_form.write, csv_form.read, "text/csv", "peers.csv"),
    Format.AUTHORIZED_KEYS: _Form(ssh_form.write, ssh_form.read, "text/plain", "authorized_keys"),
}


def write(form: Format, states: Iterable[PeerState]) -> bytes:
    """The peers as a file of this form."""
    return _FORMS[form].write(states).encode("utf-8", "replace")


def read(form: Format, data: bytes) -> Sequence[Row]:
    """The rows of a file. Raises ImportRefused, which tells of every row that is wrong."""
    rows = _FORMS[form].read(text_of(data))
    if not rows:
        raise refuse("file", "There is no peer in it.")
    return rows


def media_type(form: Format) -> str:
    """What HTTP calls the form."""
    return _FORMS[form].media_type


def file_name(form: Format) -> str:
    """What an exported file is called."""
    return _FORMS[form].file_name


def format_of(name: str) -> Format:
    """The form of a file by its name. Raises ImportRefused."""
    ending = name.rpartition(".")[2].lower()
    if ending in (Format.TOML, Format.CSV):
        return Format(ending)
    if ending == "tsv":
        return Format.CSV
    if ending == "pub" or "authorized_keys" in name:
        return Format.AUTHORIZED_KEYS
    raise refuse("format", f"The name does not tell the format. It is one of {', '.join(Format)}.")


def format_named(text: str) -> Format:
    """The form of this name. Raises ImportRefused."""
    try:
        return Format(text)
    except ValueError:
        raise ImportRefused({"format": [f"One of {', '.join(Format)}."]}) from None
