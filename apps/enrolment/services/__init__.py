"""Changing invitations and claims. Every door leads here: the panel, REST, the command line, the inbox of the node.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong. Raises InvalidInvite, InvalidPeer, Absent and Conflict.
"""

from apps.enrolment.services.decisions import approve, refuse
from apps.enrolment.services.inbox import position_of, take
from apps.enrolment.services.invites import NewInvite, create_invite, plan_invite, revoke_invite

__all__ = [
    "NewInvite",
    "approve",
    "create_invite",
    "plan_invite",
    "position_of",
    "refuse",
    "revoke_invite",
    "take",
]
