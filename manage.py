"""Django's command line for the web process and for the `alknet` command, which runs it as a child."""

import os
import sys

from django.core.management import execute_from_command_line

from node.settings import SettingsError

LEAN_COMMANDS = frozenset({"activity", "peers", "api_keys", "credentials", "backups"})
"""Commands that run without the panel: they start in half the time."""


def main() -> int:
    os.umask(0o077)  # whatever this process makes is for its owner
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    module = "alknet_site.lean_settings" if command in LEAN_COMMANDS else "alknet_site.settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = module  # another project's, left in the environment, is not ours
    try:
        execute_from_command_line(sys.argv)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
