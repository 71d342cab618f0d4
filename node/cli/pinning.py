"""By which key a node is trusted. Light: `alknet nc` is started for each connection of other programs."""

from node.cli.options import EXIT_USAGE, fail
from node.client.dial import DEFAULT_PORT
from node.client.home import default_known_nodes
from node.client.known_nodes import KnownNodes, KnownNodesError
from node.core.address import AddressFormatError, parse_host_port
from node.core.fingerprint import KeyFormatError, parse_key


def pinned_key(address: str, pin: str | None) -> str:
    """The key to insist on: the one given, else the one that is trusted. Nothing is trusted because it answers."""
    try:
        parse_host_port(address, DEFAULT_PORT)
        known = parse_key(pin) if pin is not None else KnownNodes(default_known_nodes()).fingerprint_of(address)
    except KeyFormatError as error:
        fail(f"--pin: {error}", EXIT_USAGE)
    except AddressFormatError as error:
        fail(f"the node's address: {error}", EXIT_USAGE)
    except KnownNodesError as error:
        fail(str(error), EXIT_USAGE)
    if known is None:
        fail(
            f"the key of {address} is not known: give it with --pin FINGERPRINT (`alknet up` shows it), "
            f"or once and for all with: alknet trust {address} FINGERPRINT",
            EXIT_USAGE,
        )
    return known
