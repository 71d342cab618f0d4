"""Changing credentials. Every door leads here: the panel, the command line, the store of the node's contracts.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong.

Raises InvalidCredential, whose `errors` name fields, and Absent.
"""

from apps.credentials.services.rows import delete_credential, put_credential, remove_credentials, swap_credential

__all__ = ["delete_credential", "put_credential", "remove_credentials", "swap_credential"]
