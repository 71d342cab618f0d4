"""The panel's pages of this app."""

from apps.locks.admin.locks import LockAdmin
from apps.locks.admin.peers import LockedFilter

__all__ = ["LockAdmin", "LockedFilter"]
