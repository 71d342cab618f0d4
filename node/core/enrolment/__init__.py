"""Enrolment: how a machine that is no peer yet becomes one by a one-time code (docs/adr/0041)."""
