"""Changing peers and API keys. Every door leads here: the panel, the command line, the store of the node's contracts.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong; a change that changes nothing leaves no trace.

Raises InvalidPeer, whose `errors` name fields of the draft (apps.peers.drafts), and Absent.
"""

from apps.peers.services.api_keys import NewApiKey, create_api_key, plan_api_key, remove_api_keys
from apps.peers.services.imports import PlanChanged, import_peers, plan_import
from apps.peers.services.peers import (
    change_peer,
    clear_peer_token,
    create_peer,
    enrol_peer,
    issue_peer_token,
    peer_renamed,
    peers_added,
    peers_removed,
    plan_create,
    plan_update,
    put_peer,
    remove_peers,
    replace_peer,
    set_peers_enabled,
    update_peer,
)
from apps.peers.services.scopes import change_scopes, with_scopes
from apps.peers.services.terms import plan_rotation, rotate_key, set_key_expiry, set_peer_expiry, set_peer_notes

__all__ = [
    "NewApiKey",
    "PlanChanged",
    "change_peer",
    "change_scopes",
    "clear_peer_token",
    "create_api_key",
    "create_peer",
    "enrol_peer",
    "import_peers",
    "issue_peer_token",
    "peer_renamed",
    "peers_added",
    "peers_removed",
    "plan_api_key",
    "plan_create",
    "plan_import",
    "plan_rotation",
    "plan_update",
    "put_peer",
    "remove_api_keys",
    "remove_peers",
    "replace_peer",
    "rotate_key",
    "set_key_expiry",
    "set_peer_expiry",
    "set_peer_notes",
    "set_peers_enabled",
    "update_peer",
    "with_scopes",
]
