"""Port forwarding of the node's SSH: the rules, the settings, and the login of an outbound proxy, put together."""

import logging
from typing import TYPE_CHECKING

from node.core.forwarding.policy import ForwardingPolicy
from node.core.live import Live
from node.core.metrics import Metrics
from node.opened import OpenedCredentials
from node.reload import LiveSettings
from node.settings import Settings

if TYPE_CHECKING:
    from node.handlers.ssh.forwarding.shared import Forwarding

ALPN = "alknet/ssh"

logger = logging.getLogger(__name__)


def open_forwarding(
    settings: Settings,
    limits: LiveSettings,
    metrics: Metrics,
    opened: OpenedCredentials,
    policy: Live[ForwardingPolicy] | None = None,
) -> "Forwarding | None":
    """What SSH forwards by; None where there is no SSH. Without a policy nothing is allowed.

    Whoever replaces the rules in `policy` calls the handler's `enforce_policy`.
    """
    if not settings.ssh.enabled:
        return None
    from node.handlers.ssh.forwarding import shared  # noqa: PLC0415 - asyncssh takes long to import, for who wants it

    rules = policy or Live(ForwardingPolicy())
    notes = settings.paths.forwarded
    forwarding = shared.Forwarding(rules, limits.forwarding, settings.data, opened.capabilities(ALPN), notes)
    if removed := forwarding.left.clear():
        logger.info("sockets that a killed node left behind are removed", extra={"count": removed})
    metrics.add("forwarding", forwarding.snapshot, meanings=shared.MEANINGS)
    return forwarding
