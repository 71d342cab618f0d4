"""The panel's pages of this app."""

from apps.credentials.admin.credentials import CredentialAdmin

__all__ = ["CredentialAdmin"]
