"""The part of a node that seals, as a process of its own: its control socket over a real vault, without the rest.

It takes orders on stdin, one on a line, and answers each with the line "done": unlock, lock, lose, hold, go, lie.
What it has lost is the vault as a whole. While it is held, it says "held" when it is asked to seal, and does it after
"go". A lie is a blob that does not open, or a signature of another head, once.
"""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from node.assembly.control import signed_head
from node.control.audit import audit_operations
from node.control.errors import sealing_failed, vault_locked
from node.control.limits import ControlLimits
from node.control.operations import Json, Sealing, Selection, control_registry
from node.control.server import open_control
from node.core.checkpoint import Checkpoint
from node.core.credentials import EncryptedData as Record
from node.handlers.call.limits import CallLimits
from node.quic.tls.keys import NodeKey
from node.vault import EncryptedData, VaultError, VaultLocked, VaultService
from tests.support import warm
from tests.support.appliance import environment

ROOT = Path(__file__).parents[2]
WORDS = "abandon " * 11 + "about"


class _Node:
    def __init__(self) -> None:
        self.vault = VaultService()
        self.key = NodeKey.generate()
        self.may_go = threading.Event()
        self.may_go.set()
        self.lies = False
        self.locked = "locked"

    def status(self) -> Json:
        node = {"listen": "127.0.0.1:4433", "address": "127.0.0.1:4433", "fingerprint": f"ed25519:{7:064x}"}
        vault = {"state": "unlocked" if self.vault.is_unlocked() else self.locked, "identity": "derived"}
        return {"node": node, "vault": vault}

    def connections(self, after: int, limit: int) -> list[Json]:
        return []

    def disconnect(self, which: Selection, reason: str) -> int:
        return 0

    def seal(self, plaintext: str, key_version: int | None) -> Json:
        return self._sealed(lambda: self.vault.encrypt(plaintext, key_version or 2))

    def reseal(self, blob: Json, key_version: int) -> Json:
        return self._sealed(lambda: self.vault.rotate(EncryptedData.from_json(blob), key_version))

    def sign(self, number: int, digest: str) -> Checkpoint:
        if not self.vault.is_unlocked():
            raise vault_locked()
        if self.lies:
            self.lies = False
            return signed_head(self.key, number + 1, digest)
        return signed_head(self.key, number, digest)

    def _sealed(self, work: Any) -> Json:
        if not self.may_go.is_set():
            print("held", flush=True)
            self.may_go.wait()
        try:
            return self._true_or_not(work().to_json())
        except VaultLocked:
            raise vault_locked() from None
        except VaultError:
            raise sealing_failed("it cannot be opened") from None

    def _true_or_not(self, blob: dict[str, Any]) -> Json:
        if self.lies:
            self.lies = False
            blob["iv"] = blob["iv"][::-1]
        return blob

    def obey(self, order: str) -> None:
        match order.strip():
            case "unlock" if not self.vault.is_unlocked():
                self.vault.unlock(WORDS)
            case "lock":
                self.vault.lock()
                self.locked = "locked"
            case "lose":
                self.vault.lock()
                self.locked = "absent"
            case "hold":
                self.may_go.clear()
            case "lie":
                self.lies = True
            case "go":
                self.may_go.set()

    def listen(self) -> None:
        """Obey until there are no more orders; in a thread, for sealing may be held up."""
        for order in sys.stdin:
            self.obey(order)
            print("done", flush=True)


async def _serve(path: Path) -> None:
    node = _Node()
    registry = control_registry(node, Sealing(node.seal, node.reseal), audit_operations(node.sign))
    async with open_control(path, registry, ControlLimits(), CallLimits()):
        await asyncio.to_thread(node.listen)


class VaultNode:
    """Such a process, unlocked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [warm.python(), "-m", "tests.support.vault_node", str(path)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.tell("unlock")

    def tell(self, order: str) -> None:
        """Give an order, and wait until it was done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()
        assert self.hears() == "done"

    def hears(self) -> str:
        """The next line that it says, waiting for it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        warm.kill(self.process)
        self.process.communicate()


def opened(blob: Record) -> str:
    """What a blob of such a node holds: opened here, by a vault of the same words."""
    with VaultService() as vault:
        vault.unlock(WORDS)
        return vault.decrypt(EncryptedData.from_json(blob.to_json()))


if __name__ == "__main__":
    os.umask(0o077)
    asyncio.run(_serve(Path(sys.argv[1])))
