"""The panel's pages of this app."""

from apps.access.admin.assertions import AssertionAdmin
from apps.access.admin.grants import GrantAdmin

__all__ = ["AssertionAdmin", "GrantAdmin"]
