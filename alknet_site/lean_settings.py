"""The settings without the panel, for commands that only change what the node reads: the admin is not imported."""

from alknet_site.settings import *  # noqa: F403 — a variant of one settings module is all of it but a few names

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "alknet_site",
    "apps.accounts",
    "apps.peers",
    "apps.credentials",
    "apps.notify",
    "apps.audit",
    "apps.backups",
    "apps.activity",
    "apps.locks",
    "apps.access",
    "apps.forwarding",
    "apps.enrolment",
    "apps.tokens",
]
ROOT_URLCONF = "alknet_site.lean_settings"  # serves nothing
urlpatterns: list[object] = []
