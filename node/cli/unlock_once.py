"""`alknet up` on a terminal asks once for the passphrase of a vault that has one, and hands it to the node."""

import logging
import threading

import typer

from node.cli.first_start import custody_of
from node.cli.secrets_in import ask_secret, is_terminal
from node.cli.supervisor.ready import Ready
from node.custody.door_client import NodeUnreachable, ask_door
from node.custody.errors import VaultFileError, WrongPassphrase
from node.custody.record import PassphraseWrap
from node.settings import Settings
from node.vault import SecretString

logger = logging.getLogger(__name__)


class UnlockOnce:
    """The passphrase between the prompt and the node's first start. It is not kept for a later one."""

    def __init__(self, settings: Settings, passphrase: SecretString | None) -> None:
        self._door = settings.paths.vault_door
        self._passphrase = passphrase

    def begin(self, ready: Ready) -> bool:
        """Unlock a node that is locked, in a thread, and say whether the news of that is to be waited for."""
        passphrase, self._passphrase = self._passphrase, None
        if passphrase is None:
            return False
        if ready.vault != "locked":
            passphrase.wipe()
            return False
        threading.Thread(target=self._unlock, args=(passphrase,), name="unlock", daemon=True).start()
        return not ready.node_serving

    def _unlock(self, passphrase: SecretString) -> None:
        with passphrase:
            try:
                answer = ask_door(self._door, "unlock", passphrase)
            except NodeUnreachable as error:
                logger.error("the vault was not unlocked", extra={"error": str(error)})
                return
        if not answer.ok:
            logger.error("the vault was not unlocked", extra={"error": answer.error})


def ask_once(settings: Settings) -> UnlockOnce:
    """Ask, if there is something to ask for and a person to be asked. Raises CustodyError."""
    custody = custody_of(settings)
    try:
        record = custody.read()
    except VaultFileError:
        record = None
    if not is_terminal() or record is None or not isinstance(record.wrapping, PassphraseWrap):
        return UnlockOnce(settings, None)
    passphrase = ask_secret("Passphrase of the vault, or nothing to start locked", "--passphrase-file")
    if not passphrase.reveal():
        return UnlockOnce(settings, None)
    try:
        custody.open(passphrase).wipe()
    except WrongPassphrase as error:
        passphrase.wipe()
        typer.echo(f"alknet: {error}; the node starts locked", err=True)
        return UnlockOnce(settings, None)
    return UnlockOnce(settings, passphrase)
