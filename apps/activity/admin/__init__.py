"""The panel's pages of this app."""

from apps.activity.admin.connections import ConnectionAdmin
from apps.activity.admin.events import EventAdmin

__all__ = ["ConnectionAdmin", "EventAdmin"]
