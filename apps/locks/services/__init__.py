"""Changing locks. Every door leads here: the panel and the command line.

Each function is one transaction that holds the change, its audit row and, by the triggers of apps.notify, its
notification. Nothing is written when anything is wrong. Raises InvalidLock and Absent.
"""

from apps.locks.services.locks import LockAction, check_terms, follow_rename, lock, plan_lock, remove_expired, unlock
from apps.locks.services.many import lock_peers

__all__ = ["LockAction", "check_terms", "follow_rename", "lock", "lock_peers", "plan_lock", "remove_expired", "unlock"]
