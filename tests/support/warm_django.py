"""What `manage.py` has imported and set up when a command begins its work, for forks that have settings of their own.

What depends on the place where a fork runs is read by the fork alone: here no such setting is to be had, and to keep
one would fail. All the same it is the programs that set Django up, and find that most of it is done.
"""

import os
import sys
import threading
from importlib import import_module

from manage import LEAN_COMMANDS

OF_THE_PLACE = (
    "ACCOUNT_DEFAULT_HTTP_PROTOCOL",
    "ALKNET",
    "ALLOWED_HOSTS",
    "BEHIND_TLS",
    "CHANNEL_LAYERS",
    "CSRF_COOKIE_SECURE",
    "CSRF_TRUSTED_ORIGINS",
    "PATHS",
    "PUBLIC_URL",
    "SECRET_KEY",
    "SESSION_COOKIE_SECURE",
)
"""The settings in which two appliances differ. The database is another: what Django asks of its kind needs one."""

PANEL = "alknet_site.settings"
LEAN = "alknet_site.lean_settings"


def import_all(module: str) -> None:
    """Have all of the project imported that there is with these settings, PANEL or LEAN."""
    for name in [name for name in os.environ if name.startswith("ALKNET_")]:
        del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = module
    _leave_out_the_place()
    _set_up()
    if module == PANEL:
        _import_pages()
    else:
        _import_commands(*LEAN_COMMANDS)
    _forget_settings()
    assert threading.active_count() == 1, "a fork has the thread alone that makes it"


def _leave_out_the_place() -> None:
    from django.conf import settings

    assert settings.INSTALLED_APPS
    for name in OF_THE_PLACE:
        delattr(settings, name)


def _set_up() -> None:
    import django

    django.setup()
    from django.db.migrations.loader import MigrationLoader

    MigrationLoader(None, ignore_no_migrations=True)


def _import_commands(*names: str) -> None:
    from django.core.management import get_commands, load_command_class

    for name in names:
        load_command_class(get_commands()[name], name)


def _import_pages() -> None:
    """And every command but the one that serves, which makes what it serves of settings as it is imported."""
    from django.core.management import get_commands
    from django.urls import get_resolver

    ours = [name for name, app in get_commands().items() if app.startswith(("alknet_site", "apps."))]
    _import_commands(*(name for name in ours if name != "serve"))
    get_resolver().resolve("/health/")
    for name in ("alknet_site.startup", "apps.activity.consumer"):
        import_module(name)


def _forget_settings() -> None:
    """They are read when they are next asked for, and the connection to the database is made from them then."""
    from django.conf import settings
    from django.db import connections
    from django.utils.functional import empty

    for alias in list(connections):
        del connections[alias]
    del connections.settings
    connections._settings = None
    settings._wrapped = empty
    for name in (PANEL, LEAN):
        sys.modules.pop(name, None)
