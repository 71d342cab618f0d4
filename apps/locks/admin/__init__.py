"""The panel's pages of this app."""

from apps.locks.admin.locks import LockAdmin

__all__ = ["LockAdmin"]
