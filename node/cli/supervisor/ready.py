"""run/ready.json: what a script or a person needs to reach the appliance. It is there only while both sides serve."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from node.cli.supervisor.keeper import Serving
from node.core.address import format_host_port, reachable
from node.core.paths import DataPaths
from node.private_file import private_directory, replace_private
from node.secret_file import read_secret


@dataclass(frozen=True, slots=True)
class Ready:
    """The fields of ready.json. `panel_url` is the public one where there is one, `panel_address` is on this machine.

    `setup_url` holds a one-time secret and is None once an administrator exists.

    `vault` is "absent", "locked" or "unlocked"; where it is locked, `node_serving` says whether the node serves all the
    same, with a key from before there was a vault. One that does not waits for the vault, and does not listen yet.
    """

    panel_url: str
    panel_address: str
    setup_url: str | None
    node_address: str
    node_fingerprint: str
    node_serving: bool
    vault: str
    web_pid: int
    node_pid: int

    def __repr__(self) -> str:
        return f"Ready({self.panel_url}, {self.node_address})"

    @classmethod
    def of(cls, web: Serving, node: Serving, *, paths: DataPaths, public_url: str | None) -> "Ready":
        panel_url = public_url or f"http://{format_host_port(reachable(web.address))}"
        token = _setup_token(paths.setup_token)
        return cls(
            panel_url=panel_url,
            panel_address=format_host_port(reachable(web.address)),
            setup_url=None if token is None else f"{panel_url}/setup/{token}/",
            node_address=format_host_port(reachable(node.address)),
            node_fingerprint=str(node.facts.get("fingerprint")),
            node_serving=node.facts.get("serving") is not False,
            vault=str(node.facts.get("vault")),
            web_pid=web.pid,
            node_pid=node.pid,
        )


def _setup_token(path: Path) -> str | None:
    """A token that cannot be read is none: there is no link to tell, and the panel says what is wrong with the file."""
    try:
        return read_secret(path)
    except OSError:
        return None


class ReadyFile:
    """The file itself: written whole with mode 0600, and only when it would change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: Ready | None = None

    def publish(self, ready: Ready | None) -> None:
        """Write the facts, or remove the file for None."""
        if ready is None:
            self._path.unlink(missing_ok=True)
        elif ready != self._written:
            private_directory(self._path.parent)
            replace_private(self._path, (json.dumps(asdict(ready), indent=2) + "\n").encode())
        self._written = ready


def announce(ready: Ready, data: Path, notes: Sequence[str] = ()) -> None:
    """Show the banner on stdout, past its buffer: what cannot be written must not fail again when the process ends.

    Raises OSError.
    """
    if sys.stdout is not None:
        os.write(sys.stdout.fileno(), banner(ready, data, notes).encode(errors="surrogateescape"))


def banner(ready: Ready, data: Path, notes: Sequence[str] = ()) -> str:
    """What a person sees once both sides serve, or the node waits for its vault; `notes` are sentences of their own."""
    lines = ["", "Alknet is up." if ready.node_serving else "Alknet is up, and its node is locked."]
    lines += ["", f"  Panel   {ready.panel_url}"]
    if ready.setup_url is not None:
        lines.append(f"  Set-up  {ready.setup_url}  (makes the first administrator; works once)")
    lines += [
        f"  Node    {ready.node_address}  (UDP{'' if ready.node_serving else '; not before it is unlocked'})",
        f"  Key     {ready.node_fingerprint}",
        f"  Data    {data}",
    ]
    if ready.vault == "locked":
        lines.append("  Vault   locked: alknet vault unlock")
    lines += [f"  Note    {note}" for note in notes]
    lines += [
        "",
        "Ctrl-C stops it.",
        "",
        "",
    ]
    return "\n".join(lines)
