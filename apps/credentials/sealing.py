"""The node's part: it seals contents and seals sealed ones anew, over its control socket. It opens nothing for anybody.

Whatever it answers to an error stays here: people get a sentence of ours, which can hold no part of a content.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from apps.credentials.errors import NodeUnavailable, NotSealed
from node.control.client import ControlClient, ControlRefused, NodeUnreachable
from node.core.capabilities import Secret
from node.core.credentials import EncryptedData, InvalidCredential, encrypted_data_from_json

DOWN = "The node does not answer, and it alone can seal. If it does not run, start it with: alknet up."
LOCKED = "The vault is locked, so that nothing can be sealed. Unlock it with: alknet vault unlock."
NO_VAULT = "The node has no vault yet, so that nothing can be sealed. Make one with: alknet vault init."
REFUSED = "The node did not seal it; its log says why."
DAMAGED = "The node cannot open it: it is damaged, or was sealed by another vault."

_LOCKED_CODE = "VAULT_LOCKED"
_LOOK_SECONDS = 2.0
"""How long a page waits for the node to say how it is."""


class Sealer:
    """A connection to the node that seals. Raises NotSealed, and NodeUnavailable where trying again may help."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    @sensitive_variables()
    def seal(self, content: Secret, key_version: int) -> EncryptedData:
        """The content sealed under this version of the key."""
        wish = {"plaintext": content.expose_secret(), "key_version": key_version}
        return self._ask("credentials/seal", wish, key_version, refused=REFUSED)

    def reseal(self, blob: EncryptedData, key_version: int) -> EncryptedData:
        """The same content under another version, proven to open: what it was is about to be overwritten."""
        sealed = self._reseal(blob, key_version)
        self._reseal(sealed, key_version)
        return sealed

    def _reseal(self, blob: EncryptedData, key_version: int) -> EncryptedData:
        wish = {"credential": blob.to_json(), "key_version": key_version}
        return self._ask("credentials/reseal", wish, key_version, refused=DAMAGED)

    @sensitive_variables()
    def _ask(self, operation: str, wish: dict[str, Any], key_version: int, *, refused: str) -> EncryptedData:
        try:
            blob = encrypted_data_from_json(self._client.call(operation, wish))
        except NodeUnreachable:
            raise NodeUnavailable(DOWN) from None
        except ControlRefused as error:
            raise self._refusal(error, refused) from None
        except InvalidCredential:
            raise NotSealed(REFUSED) from None
        if blob.key_version != key_version:
            raise NotSealed(REFUSED)
        return blob

    def _refusal(self, error: ControlRefused, refused: str) -> NotSealed:
        """Never the node's own words: one about a wrong input could repeat it."""
        if error.code != _LOCKED_CODE:
            return NotSealed(refused)
        return NodeUnavailable(_obstacle(self._client) or LOCKED)


@contextmanager
def sealer() -> Iterator[Sealer]:
    """A connection to this appliance's node, made when it is first used."""
    with ControlClient(settings.PATHS.control_socket) as client:
        yield Sealer(client)


def obstacle() -> str | None:
    """Why nothing can be sealed at the moment, as a sentence; None where something can."""
    with ControlClient(settings.PATHS.control_socket, timeout=_LOOK_SECONDS) as client:
        return _obstacle(client)


def _obstacle(client: ControlClient) -> str | None:
    try:
        state = client.call("node/status", {})["vault"]["state"]
    except NodeUnreachable:
        return DOWN
    except (ControlRefused, KeyError, TypeError):
        return None
    return {"unlocked": None, "absent": NO_VAULT}.get(state, LOCKED)
