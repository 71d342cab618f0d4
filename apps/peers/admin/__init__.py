"""The panel's pages of this app."""

from apps.peers.admin.api_keys import ApiKeyAdmin
from apps.peers.admin.peers import PeerAdmin
from apps.peers.field_checks import offer_fields

__all__ = ["ApiKeyAdmin", "PeerAdmin"]

offer_fields()
