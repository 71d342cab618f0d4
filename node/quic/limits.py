"""What one QUIC endpoint grants its peers. The defaults live here and nowhere else; this module imports no engine."""

from pydantic import BaseModel, ConfigDict, Field


class QuicLimits(BaseModel):
    """Caps and time-outs of an endpoint and of each of its connections. Times are in seconds, windows in bytes.

    Receive windows bound what a peer can make us hold: a limit is what was read plus one window, never more, however
    sparse the frames are. A window grows only while its reader keeps up. So a connection holds `connection_window` at
    most before anything was read from it, and never more than `max_connection_window`; all of them together hold no
    more than `max_grown_windows` beyond their first windows and marks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_timeout: float = Field(default=30.0, gt=0, le=600)
    """A connection ends, silently, after this much silence; the smaller of both sides' values counts."""

    keep_alive: float = Field(default=10.0, gt=0, le=300)
    """A connection whose handler wants it kept is pinged after this much quiet, or after half the idle time-out."""

    handshake_timeout: float = Field(default=10.0, gt=0, le=60)
    """An incoming handshake that is not complete by then is dropped."""

    stream_window: int = Field(default=256 * 1024, ge=1200, le=16 * 1024 * 1024)
    """Bytes of one stream that a peer may send ahead of its reader."""

    connection_window: int = Field(default=1024 * 1024, ge=1200, le=64 * 1024 * 1024)
    """Bytes of all streams of a connection together that a peer may send ahead of their readers."""

    max_stream_window: int = Field(default=4 * 1024 * 1024, ge=1200, le=256 * 1024 * 1024)
    """What a stream's window grows to while its reader keeps up and the window alone holds the peer back."""

    max_connection_window: int = Field(default=8 * 1024 * 1024, ge=1200, le=512 * 1024 * 1024)
    """What a connection's window grows to in the same way."""

    max_grown_windows: int = Field(default=256 * 1024 * 1024, ge=0)
    """Bytes by which connections' windows and writers' marks together grow, at most; each by a 16th of what is left."""

    max_streams: int = Field(default=100, ge=1, le=10_000)
    """Two-way streams that a peer may have open at once."""

    max_uni_streams: int = Field(default=8, ge=0, le=100)
    """One-way streams that a peer may have open at once. No protocol reads them: each is told to stop."""

    accept_queue: int = Field(default=100, ge=1, le=10_000)
    """Streams that a peer opened and no handler has taken yet; one more is refused."""

    write_high_water: int = Field(default=256 * 1024, ge=1024, le=16 * 1024 * 1024)
    """A connection's writers wait while this much is not yet acknowledged, until half of it is; each stream has an
    equal part. It grows where the path carries more, or where there are more streams."""

    max_write_high_water: int = Field(default=4 * 1024 * 1024, ge=1024, le=256 * 1024 * 1024)
    """What that grows to."""

    max_connections: int = Field(default=10_000, ge=1)
    """Connections at once, handshakes included; one more is refused."""

    max_connections_per_address: int = Field(default=100, ge=1)
    """Connections at once from one IPv4 address or one IPv6 /64; one more is refused."""

    max_half_open: int = Field(default=500, ge=1)
    """Handshakes under way at once; one more is refused."""

    max_half_open_per_address: int = Field(default=20, ge=1)
    """Handshakes under way at once from one address that has proven to be its own; one more is refused."""

    handshakes_per_second: int = Field(default=100, ge=1)
    """Handshakes begun a second by one address; then it must prove itself, and after as many again it is refused."""

    strangers_per_second: int = Field(default=1000, ge=10)
    """Datagrams a second of no established connection from one IPv4 address or one IPv6 /64; more are dropped."""

    retry_above: int = Field(default=100, ge=0)
    """With this many handshakes under way, a new client must first prove its address, which costs it a round trip."""
