"""Checks, before anything is served or dialled, that the installed engine is the one this package was written against.

Private names of aioquic carry security here: the request for a client's key, the receive windows. With a version in
which one of them is gone or renamed we must not start, rather than start without it (decision 20).
"""

from collections.abc import Iterable
from functools import cache

import aioquic
from aioquic import tls
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection, QuicNetworkPath
from aioquic.quic.crypto import CryptoContext, CryptoPair
from aioquic.quic.packet import QuicPacketType
from aioquic.quic.packet_builder import QuicSentPacket
from aioquic.quic.recovery import QuicPacketSpace
from aioquic.quic.stream import QuicStream

from node.quic.version import WANTED

_CONNECTION = (
    "_alpn_handler", "_close_at", "_close_begin", "_close_event", "_close_pending", "_crypto_buffers",
    "_crypto_streams", "_cryptos", "_cryptos_initial", "_discard_epoch", "_get_or_create_stream",
    "_handle_ack_frame", "_handle_crypto_frame", "_handle_data_blocked_frame", "_handle_handshake_done_frame",
    "_handle_max_data_frame", "_handle_max_streams_bidi_frame", "_handle_max_streams_uni_frame",
    "_handle_new_connection_id_frame", "_handle_new_token_frame", "_handle_path_challenge_frame",
    "_handle_path_response_frame", "_handle_ping_frame", "_handle_retire_connection_id_frame",
    "_handle_streams_blocked_frame", "_handshake_complete", "_handshake_confirmed", "_host_cids", "_initialize",
    "_is_client", "_local_active_connection_id_limit", "_local_max_data", "_local_max_streams_bidi",
    "_local_max_streams_uni", "_local_next_stream_id_bidi", "_network_paths", "_packet_number", "_payload_received",
    "_peer_cid", "_peer_cid_sequence_numbers", "_probe_preferred_address", "_remote_active_connection_id_limit",
    "_remote_max_data_used", "_remote_max_streams_bidi", "_remote_preferred_address", "_replenish_connection_ids",
    "_serialize_transport_parameters", "_spaces", "_state", "_stream_can_send", "_stream_limit", "_streams",
    "_streams_queue", "_write_connection_limits", "_write_stream_limits",
)  # fmt: skip
_TRANSMISSION = (
    "_datagrams_pending", "_handshake_done_pending", "_loss", "_max_datagram_size", "_network_paths", "_pacing_at",
    "_parse_transport_parameters", "_ping_pending", "_probe_pending", "_retire_connection_ids", "_send_probing_frames",
    "_spin_bit", "_streams_blocked_pending", "_version",
)  # fmt: skip
_LOSS = (
    "_cc", "_pacer", "_pto_count", "_rtt_smoothed", "congestion_window", "get_probe_timeout", "on_packet_sent",
    "spaces",
)  # fmt: skip
_CONTROL = ("_max_datagram_size", "on_packet_acked", "on_packets_lost")
_SIZED = ("_max_datagram_size",)
_PATH = ("addr", "bytes_sent", "is_validated", "remote_challenges")
_SENT_PACKET = ("in_flight", "is_ack_eliciting", "sent_bytes", "sent_time")
_SPACE = ("ack_at", "discarded", "largest_acked_packet", "sent_packets")
_PLACE = (
    "_configuration", "_events", "_idle_timeout", "_loss", "_max_datagram_size",
    "_network_paths", "_on_new_connection_id_delivery", "_write_new_connection_id_frame",
)  # fmt: skip
_ESTIMATES = ("_rtt_initialized", "_rtt_latest", "_rtt_min", "_rtt_smoothed", "_rtt_variance", "bytes_in_flight")
_CRYPTO = ("_update_key", "decrypt_packet", "key_phase", "recv")
_KEYS = ("aead", "cipher_suite", "decrypt_packet", "hp", "key_phase", "secret", "version")
_CONNECTION_ID = ("cid", "stateless_reset_token", "was_sent")
_LIMIT = ("sent", "used", "value")
_STREAM = ("is_finished", "max_stream_data_local", "max_stream_data_local_sent", "receiver", "sender")
_RECEIVER = ("_buffer", "_ranges", "highest_offset", "is_finished", "starting_offset", "stop", "stop_pending")
_SENDER = (
    "_buffer_fin", "_buffer_start", "_buffer_stop", "buffer_is_empty", "is_finished", "reset", "reset_pending",
)  # fmt: skip
_TLS = (
    "_alpn_protocols", "_certificate_request", "_check_certificate_verify_signature", "_cipher_suites",
    "_client_handle_certificate", "_client_handle_certificate_verify", "_client_handle_finished", "_dec_key",
    "_ec_private_keys", "_enc_key", "_handle_reassembled_message", "_is_client", "_key_schedule_proxy",
    "_peer_certificate", "_peer_certificate_chain", "_receive_buffer", "_request_client_certificate",
    "_server_handle_finished", "_server_handle_hello", "_server_name", "_set_peer_certificate", "_signature_algorithms",
    "_signature_algorithms_for_private_key", "_supported_groups", "_x25519_private_key", "alpn_cb", "certificate",
    "certificate_chain", "certificate_private_key", "handshake_extensions", "key_schedule", "received_extensions",
    "update_traffic_key_cb",
)  # fmt: skip


class EngineMismatch(RuntimeError):
    """The installed aioquic is not the one this package was written against."""

    def __init__(self, found: str, wanted: str, missing: Iterable[str] = ()) -> None:
        names = ", ".join(missing)
        super().__init__(f"aioquic {found} is installed, {wanted} is needed" + (f"; it lacks {names}" if names else ""))
        self.found = found
        self.wanted = wanted


@cache
def check_engine() -> None:
    """Raises EngineMismatch. Looks once per process."""
    missing = missing_names()
    if aioquic.__version__ != WANTED or missing:
        raise EngineMismatch(aioquic.__version__, WANTED, missing)


def missing_names() -> list[str]:
    """The names that this package touches and the installed engine lacks."""
    connection = QuicConnection(configuration=QuicConfiguration(is_client=True))
    loss = getattr(connection, "_loss", None)
    stream = QuicStream(stream_id=0)
    wanted = (
        (connection, _CONNECTION),
        (connection, _TRANSMISSION),
        (connection, _PLACE),
        (loss, _ESTIMATES),
        (getattr(connection, "_local_max_data", None), _LIMIT),
        (loss, _LOSS),
        (getattr(loss, "_cc", None), _CONTROL),
        (getattr(loss, "_pacer", None), _SIZED),
        (QuicNetworkPath(("", 0)), _PATH),
        (_sent_packet(), _SENT_PACKET),
        (QuicPacketSpace(), _SPACE),
        (CryptoPair(), _CRYPTO),
        (CryptoContext(), _KEYS),
        (getattr(connection, "_peer_cid", None), _CONNECTION_ID),
        (stream, _STREAM),
        (stream.receiver, _RECEIVER),
        (stream.sender, _SENDER),
        (tls.Context(is_client=False), _TLS),
    )
    return [
        f"{type(holder).__name__}.{name}" for holder, names in wanted for name in names if not hasattr(holder, name)
    ]


def _sent_packet() -> QuicSentPacket:
    return QuicSentPacket(
        epoch=tls.Epoch.ONE_RTT,
        in_flight=True,
        is_ack_eliciting=True,
        is_crypto_packet=False,
        packet_number=0,
        packet_type=QuicPacketType.ONE_RTT,
    )
