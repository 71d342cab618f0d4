"""The panel's pages of this app."""

from apps.audit.admin.entries import AuditEntryAdmin

__all__ = ["AuditEntryAdmin"]
