"""What `alknet doctor` finds out about the network: whether ports can be had, and datagrams come through."""

import contextlib
import secrets
import socket

from node.cli.port_holder import Holder, holder
from node.core.address import parse_host_port, reachable
from node.core.finding import Finding, Level
from node.core.identity import Address
from node.settings import Settings

TRY_SECONDS = 0.3
TRIES = 3
"""A datagram may be lost, even on one machine that is busy."""
PROBE_BYTES = 1200
"""What a server answers at least (RFC 9000 §14.1)."""


def udp(settings: Settings) -> Finding:
    """Whether datagrams reach the node's port: those of its own where it runs, else those of this command."""
    address = parse_host_port(settings.node.listen)
    if address[1] == 0:
        return Finding("udp", Level.FINE, f"{settings.node.listen}: the system picks a port at the start")
    try:
        with _bound(address, socket.SOCK_DGRAM) as sock:
            return _free(settings.node.listen, sock, address)
    except OSError as error:
        return _taken(settings.node.listen, address, error)


def _free(listen: str, sock: socket.socket, address: Address) -> Finding:
    if _comes_back(sock, address):
        return Finding("udp", Level.FINE, f"{listen} is free, and a datagram sent there arrives; no node listens there")
    text = f"{listen} is free, but a datagram sent there does not arrive: a packet filter of this machine drops it"
    return Finding("udp", Level.PROBLEM, f"{text}; let UDP port {address[1]} in")


def _comes_back(sock: socket.socket, address: Address) -> bool:
    sock.settimeout(TRY_SECONDS)
    for _ in range(TRIES):
        token = secrets.token_bytes(16)
        with contextlib.suppress(OSError):
            sock.sendto(token, reachable(address))
            if sock.recv(64) == token:
                return True
    return False


def _taken(listen: str, address: Address, error: OSError) -> Finding:
    found = holder("udp", address[1])
    if answers(address):
        who = f" by {found}" if found else ""
        return Finding("udp", Level.FINE, f"{listen} is held{who}, and answers as a QUIC server does")
    if found is None:
        return Finding("udp", Level.PROBLEM, f"{listen} cannot be had: {error.strerror or error}; see node.listen")
    text = f"{listen} is held by {found}, which does not answer as a node does; end it, or choose another node.listen"
    return Finding("udp", Level.PROBLEM, text)


def answers(address: Address) -> bool:
    """Whether a QUIC server is there: it answers a version that nobody has (RFC 9000 §6.1, §15)."""
    host, port = reachable(address)
    probe = b"\xc0\x1a\x2a\x3a\x4a\x08" + secrets.token_bytes(8) + b"\x08" + secrets.token_bytes(8)
    probe += bytes(PROBE_BYTES - len(probe))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(TRY_SECONDS)
        sock.connect((host, port))
        for _ in range(TRIES):
            with contextlib.suppress(TimeoutError):
                sock.send(probe)
                answer = sock.recv(2048)
                return len(answer) > 5 and answer[0] & 0x80 != 0 and answer[1:5] == bytes(4)
    return False


def ports(settings: Settings) -> Finding:
    """Whether the TCP ports of the panel and of the metrics are ours, or can be."""
    named = {
        "panel.listen": settings.panel.listen,
        "metrics.node_listen": settings.metrics.node_listen,
        "metrics.web_listen": settings.metrics.web_listen,
    }
    found = [_port(key, listen) for key, listen in named.items() if listen is not None]
    level = Level.PROBLEM if any(level is Level.PROBLEM for level, _ in found) else Level.FINE
    return Finding("ports", level, "; ".join(text for _, text in found))


def _port(key: str, listen: str) -> tuple[Level, str]:
    address = parse_host_port(listen)
    if address[1] == 0:
        return Level.FINE, f"{key}: the system picks a port at the start"
    try:
        with _bound(address, socket.SOCK_STREAM):
            return Level.FINE, f"{key}: {listen} is free"
    except OSError as error:
        return _tcp_taken(key, listen, holder("tcp", address[1]), error)


def _tcp_taken(key: str, listen: str, found: Holder | None, error: OSError) -> tuple[Level, str]:
    if found is None:
        return Level.PROBLEM, f"{key}: {listen} cannot be had: {error.strerror or error}; choose another address"
    if found.pid == 0 or "alknet" in found.name or "python" in found.name:
        return Level.FINE, f"{key}: {listen} is held by {found}"
    return Level.PROBLEM, f"{key}: {listen} is held by {found}; end it, or choose another address"


def _bound(address: Address, kind: socket.SocketKind) -> socket.socket:
    """A socket at the address for a moment. Raises OSError."""
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that ended a moment ago are none
        sock.bind((host, port))
        if kind is socket.SOCK_STREAM:
            sock.listen(1)
    except BaseException:
        sock.close()
        raise
    return sock
