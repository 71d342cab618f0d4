"""Told when somebody's access has changed in this process: a role, a password, a session. Sent after the commit."""

from django.dispatch import Signal

access_changed = Signal()
