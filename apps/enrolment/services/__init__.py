"""Changing invitations and claims. Every door leads here: the panel, REST, the command line, the inbox of the node.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong. Raises InvalidInvite, InvalidPeer, Absent and Conflict.
"""

from apps.enrolment.services.decisions import approve, refuse
from apps.enrolment.services.inbox import position_of, take
from apps.enrolment.services.invites import (
    LONGEST,
    LONGEST_PEER,
    MAX_USES,
    SHORTEST,
    USUAL,
    NewInvite,
    create_invite,
    plan_invite,
    revoke_invite,
)
from apps.enrolment.services.strangers import admit_stranger, dismiss_stranger
from apps.enrolment.services.tidying import tidy

__all__ = [
    "LONGEST",
    "LONGEST_PEER",
    "MAX_USES",
    "SHORTEST",
    "USUAL",
    "NewInvite",
    "admit_stranger",
    "approve",
    "create_invite",
    "dismiss_stranger",
    "plan_invite",
    "position_of",
    "refuse",
    "revoke_invite",
    "take",
    "tidy",
]
