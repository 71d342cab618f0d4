"""Changing credentials. Every door leads here: the panel, the command line, the store of the node's contracts.

Each stored change is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Contents are sealed by the node, outside of any transaction, and are stored sealed or not at all.

Raises InvalidCredential, whose `errors` name fields, Absent, and NotSealed where the node does not seal.
"""

from apps.credentials.services.contents import seal_content, set_credential
from apps.credentials.services.rotation import Outcome, Plan, Step, plan_rotation, rotate_credentials
from apps.credentials.services.rows import delete_credential, put_credential, remove_credentials, swap_credential

__all__ = [
    "Outcome",
    "Plan",
    "Step",
    "delete_credential",
    "plan_rotation",
    "put_credential",
    "remove_credentials",
    "rotate_credentials",
    "seal_content",
    "set_credential",
    "swap_credential",
]
