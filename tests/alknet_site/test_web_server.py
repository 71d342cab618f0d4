"""The socket that the panel is served on."""

import socket
from contextlib import closing

from alknet_site.web_server import bind


def test_an_answer_in_two_parts_does_not_wait_for_an_acknowledgement() -> None:
    with closing(bind(("127.0.0.1", 0))) as listening, closing(socket.create_connection(listening.getsockname())):
        accepted, _ = listening.accept()
        with closing(accepted):
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
