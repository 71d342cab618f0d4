"""Backups: which were made, by whom and when; the schedule; and the panel's page of them."""
