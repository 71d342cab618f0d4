"""The panel's pages of this app."""

from apps.enrolment.admin.claims import ClaimAdmin
from apps.enrolment.admin.invites import InviteAdmin
from apps.enrolment.admin.strangers import StrangerAdmin

__all__ = ["ClaimAdmin", "InviteAdmin", "StrangerAdmin"]
