"""Shows the recovery words: on a terminal and nowhere else, by a way that no log and no pipe is on."""

import os
import sys

from node.cli.secrets_in import is_terminal
from node.custody.custody import Custody
from node.custody.sealing import Contents
from node.vault import SecretString

_COLUMNS = 4

NEVER_SHOWN = "the recovery words of this box have not been shown yet: alknet vault words shows them, on a terminal"


class NoTerminal(Exception):
    """The words are for a person, and none sits here."""

    def __init__(self) -> None:
        super().__init__("the words are shown on a terminal only, and standard input or output is none")


def show_words(custody: Custody, passphrase: SecretString | None = None) -> None:
    """Show the words, and note that they were seen. The caller holds the lock of the custody.

    Raises NoTerminal, and what `Custody.open` raises.
    """
    if not is_terminal():
        raise NoTerminal
    with custody.open(passphrase) as contents:
        # Past every buffer: what is printed later cannot take it along, and nothing of it stays in this process.
        _write(sys.stdout.fileno(), _page(contents).encode())
    custody.mark_shown(passphrase)


def _write(descriptor: int, page: bytes) -> None:
    """All of it: a terminal may take it in parts, and half of the words must not count as shown. Raises OSError."""
    while page:
        page = page[os.write(descriptor, page) :]


def _page(contents: Contents) -> str:
    words = contents.phrase.reveal().split(" ")
    numbered = [f"{place:2}. {word:<10}" for place, word in enumerate(words, 1)]
    rows = ["  " + " ".join(numbered[at : at + _COLUMNS]).rstrip() for at in range(0, len(numbered), _COLUMNS)]
    extra = []
    if contents.bip39_passphrase is not None and contents.bip39_passphrase.reveal():
        extra = ["", "  They count together with the BIP-39 passphrase that was given with them."]
    return "\n".join(
        [
            "",
            f"  The {len(words)} recovery words of this box. Write them down, on paper, in this order:",
            "",
            *rows,
            *extra,
            "",
            "  Whoever has them has the box: its identity, and every credential sealed in it. Together with a",
            "  copy of the data directory they make it anew on any machine. Clear the terminal afterwards: they",
            "  are shown again only to who knows the passphrase of the vault, where it has one.",
            "",
            "",
        ]
    )
