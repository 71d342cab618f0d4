"""`manage.py serve`: prepare the data directory, then serve the panel until told to stop."""

import asyncio
import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from alknet_site.log_filter import filter_request_log
from alknet_site.startup import prepare_database
from alknet_site.web_server import bind, serve
from apps.backups.runner import RUNNER
from apps.panel.setup_link import ensure_setup_token
from node.core.address import parse_host_port
from node.data_lock import DataBusy, in_use
from node.lifeline import Lifeline
from node.log import configure_logging
from node.log_repeats import limit_repeats


class Command(BaseCommand):
    help = "Serve the panel."
    requires_system_checks: list[str] = []  # noqa: RUF012 - declared so by Django

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--ready-fd", type=int, help="The supervisor's socket, for its `ready` line.")

    def handle(self, *args: Any, **options: Any) -> None:
        configure_logging(settings.ALKNET.log)
        filter_request_log()
        limit_repeats()
        listen = settings.ALKNET.panel.listen
        try:
            sock = bind(parse_host_port(listen))
        except OSError as error:
            reason = str(error.strerror).partition(" (while")[0]
            raise CommandError(f"The panel cannot listen on {listen}: {reason}.") from None
        with sock:
            lifeline = Lifeline.from_fd(options["ready_fd"])
            try:
                with in_use(settings.PATHS.data):
                    _serve(sock, lifeline)
            except DataBusy as error:
                raise CommandError(f"The panel cannot start: {error}.") from None


def _serve(sock: socket.socket, lifeline: Lifeline) -> None:
    prepare_database(settings.PATHS)
    ensure_setup_token()
    RUNNER.start()
    try:
        asyncio.run(serve(sock, lifeline))
    finally:
        RUNNER.stop()
