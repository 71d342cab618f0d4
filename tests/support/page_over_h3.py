"""HTTP/3 on one of our connections, as far as a test needs it: aioquic's own HTTP layer over our engine.

No handler of ours reads one-way streams, so a listener tells a peer to stop them, which HTTP/3 cannot live without.
Here every event of the connection's streams goes to aioquic instead of to our streams; all else stays as it is.

It is for Chromium, which wants settings, one-way streams and the dynamic table. Where the streams themselves are under
test, `http3` is right: it speaks much less of HTTP/3, but over them.
"""

from typing import Any

from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.events import StreamDataReceived

from node.core.connection import Connection

PAGE = b"<!doctype html><title>alknet</title><p id=said>this came over QUIC</p>"


class H3Site:
    """Answers every request on a connection with one page; `requests` are the headers that came."""

    def __init__(self, connection: Connection) -> None:
        self.requests: list[dict[bytes, bytes]] = []
        source: Any = connection._source
        self._engine = source.engine
        self._flush = source.flush_soon
        self._http = H3Connection(self._engine)
        source.on_event = self._on_event
        self._flush()

    def _on_event(self, event: Any) -> None:
        if isinstance(event, StreamDataReceived):
            self._engine.drop(len(event.data))
        for told in self._http.handle_event(event):
            if isinstance(told, HeadersReceived):
                self.requests.append(dict(told.headers))
            if isinstance(told, HeadersReceived | DataReceived) and told.stream_ended:
                self._answer(told.stream_id)

    def _answer(self, stream_id: int) -> None:
        headers = [(b":status", b"200"), (b"content-type", b"text/html"), (b"content-length", b"%d" % len(PAGE))]
        self._http.send_headers(stream_id, headers)
        self._http.send_data(stream_id, PAGE, end_stream=True)
        self._flush()
