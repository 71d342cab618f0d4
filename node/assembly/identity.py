"""Which key the node serves: the one that its vault derives, or one that was made up before there was a vault."""

from typing import Literal

from node.custody.keeper import VaultKeeper
from node.quic.tls.keys import NodeKey, load_node_key
from node.settings import Settings

Kind = Literal["derived", "made-up"]


class NodeIdentity:
    """A made-up key is served until `alknet vault adopt` sets its file aside; else the vault derives the key."""

    def __init__(self, settings: Settings, keeper: VaultKeeper) -> None:
        """Raises KeyFileError where there is a file of a made-up key that cannot be used."""
        self._keeper = keeper
        try:
            self._made_up: NodeKey | None = load_node_key(settings.paths.node_key)
        except FileNotFoundError:
            self._made_up = None

    @property
    def kind(self) -> Kind:
        return "derived" if self._made_up is None else "made-up"

    @property
    def fingerprint(self) -> str:
        """What clients know the node by; empty where the vault is locked and does not even tell that."""
        if self._made_up is not None:
            return self._made_up.fingerprint
        return self._keeper.identity or ""

    @property
    def waits(self) -> bool:
        """Whether the key cannot be had before somebody unlocks the vault."""
        return self._made_up is None and self._keeper.state != "unlocked"

    def key(self) -> NodeKey:
        """The key. Raises VaultLocked where it `waits`, CustodyError."""
        return self._made_up or NodeKey(self._keeper.identity_key())
