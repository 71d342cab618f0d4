"""The panel's pages of this app."""

from apps.peers.admin.api_keys import ApiKeyAdmin
from apps.peers.admin.peers import PeerAdmin

__all__ = ["ApiKeyAdmin", "PeerAdmin"]
