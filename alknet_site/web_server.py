"""The web process's server: uvicorn on a socket of ours, so that its real port is known before it says it serves.

The application is imported with this module, not by uvicorn: Django sets up its logging as it is imported, and would
undo the appliance's own.
"""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import uvicorn
from django.conf import settings

from alknet_site.asgi import application
from alknet_site.database.kept import KEPT
from alknet_site.http_protocol import ImpatientProtocol
from alknet_site.web_metrics import show_metrics
from alknet_site.web_sockets import MAX_MESSAGE, PING_S, ImpatientSocket
from apps.activity import live
from apps.activity.importer import Importer, Keep
from apps.audit.schedule import keep_checkpoints
from apps.enrolment.follower import InboxFollower
from apps.enrolment.live import tell
from node.core.address import format_host_port
from node.core.identity import Address
from node.lifeline import Lifeline
from node.service_manager import ServiceManager

SWITCH_S = 0.001
"""Seconds after which a thread that computes lets another one go on. The importer and the loop let go of the
interpreter at each statement, and would wait five times as long for it beside a page that is being made."""
YOUNG = 100_000
"""Objects that are made before the collector looks for cycles among them. A page makes several ten thousand, and lets
go of them without its help: it is not to be held up for what is still in use. With 20 000 it takes a tenth longer."""
KEPT_CONNECTIONS = 4
"""Connections to the database that stay open between requests. A browser asks for about as much at once."""
GRACE_S = 2
"""How long requests that are being answered may go on after the signal to stop, in seconds."""


class _Server(uvicorn.Server):
    """uvicorn that tells when it serves, without its signal handlers: those end the process by the signal, not by 0."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()


def bind(address: Address) -> socket.socket:
    """A listening TCP socket. Raises OSError.

    What it accepts has its TCP_NODELAY: asyncio sets that of its own sockets only. Without it the body of an answer
    waits for the client to acknowledge the head, which a client on a kept connection puts off for 40 ms.
    """
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=128)
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def serve(sock: socket.socket, lifeline: Lifeline) -> None:
    """Serve the panel until SIGTERM, SIGINT or the supervisor's end; then let running requests finish, for a while."""
    address = format_host_port(panel_address(sock))
    manager = ServiceManager.from_environment()

    def started() -> None:
        lifeline.ready(address=address)
        manager.ready(f"serving the panel at http://{address}")

    def stop() -> None:
        manager.stopping()
        _stop(server)

    sys.setswitchinterval(SWITCH_S)
    gc.freeze()  # what is loaded stays, and need not be gone through again and again
    gc.set_threshold(YOUNG, 10, 10)
    KEPT.keep(KEPT_CONNECTIONS)
    server = _Server(_config(), started)
    live.attach()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    orphaned = asyncio.create_task(lifeline.wait_parent_gone())
    inbox = InboxFollower(settings.PATHS.journal, tell)
    importer = _importer(inbox.wake)
    following = [asyncio.create_task(importer.run()), asyncio.create_task(inbox.run())]
    checkpoints = asyncio.create_task(keep_checkpoints(settings.ALKNET.audit.checkpoint_hours), name="checkpoints")
    async with manager.watched(), show_metrics(settings.ALKNET.metrics.web_listen, importer):
        await asyncio.wait((serving, orphaned), return_when=asyncio.FIRST_COMPLETED)
        stop()
        orphaned.cancel()
        checkpoints.cancel()
        await serving
    for task in following:
        task.cancel()
    await asyncio.gather(*following, return_exceptions=True)
    importer.close()
    inbox.close()
    KEPT.keep(0)


def panel_address(sock: socket.socket) -> Address:
    """Where the panel really listens."""
    host, port = sock.getsockname()[:2]
    return host, port


def _importer(woken: Callable[[], None]) -> Importer:
    """What brings the node's events into the panel's database, and tells open pages of them."""
    keep = settings.ALKNET.activity
    return Importer(settings.PATHS.journal, Keep(keep.keep_events, timedelta(days=keep.keep_days)), live.publish, woken)


def _config() -> uvicorn.Config:
    """No access log: a path may hold the token of the set-up link. Forwarded headers are believed of named proxies."""
    return uvicorn.Config(
        application,
        interface="asgi3",
        http=ImpatientProtocol,
        lifespan="off",
        ws=ImpatientSocket,
        ws_max_size=MAX_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.ALKNET.panel.trusted_proxies),
        forwarded_allow_ips=list(settings.ALKNET.panel.trusted_proxies),
        limit_concurrency=512,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE_S,
    )


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True
