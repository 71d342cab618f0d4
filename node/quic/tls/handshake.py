"""The TLS side of both roles: raw public keys (RFC 7250), proof of possession always, trust by pin (spec core §11).

The engine builds a `tls.Context` of its own for each connection; these replace it before the first handshake byte is
read or written. That moment matters: a server that asks for a client's key any later takes everyone for anonymous.
"""

import ssl
from dataclasses import dataclass
from typing import cast

from aioquic import tls
from aioquic._buffer import Buffer, BufferReadError
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.core.errors import HandshakeError, PinMismatch
from node.core.fingerprint import ED25519_SPKI_PREFIX, fingerprint_of, is_ed25519_spki
from node.quic.tls.credentials import CertificateType, ClientOffer, Credential, RawPublicKey, ServerCredentials, raw_key
from node.quic.tls.hello import CLIENT_CERTIFICATE_TYPE, SERVER_CERTIFICATE_TYPE, read_offer
from node.quic.tls.keys import NodeKey
from node.quic.tls.levels import MAX_CLIENT_MESSAGE, LevelledTls
from node.quic.tls.schemes import SIGNATURES, schemes_of

_GROUPS: list[tls.Group] = [tls.Group.X25519, tls.Group.SECP256R1]
"""A client sends a key share for each, so there are no more than are useful."""


@dataclass(frozen=True, slots=True)
class PeerKey:
    """A key that was proven. `alternative` is the second name of a certificate's Ed25519 key (decision 5)."""

    fingerprint: str
    alternative: str | None = None


class _PeerTls(LevelledTls):
    """What both roles share: a certificate type per direction, and one way to take in the peer's credential."""

    def __init__(self, given: tls.Context, verify_mode: ssl.VerifyMode, cafile: str | None = None) -> None:
        super().__init__(
            is_client=given._is_client,
            alpn_protocols=given._alpn_protocols,
            cafile=cafile,
            cipher_suites=given._cipher_suites,
            server_name=given._server_name,
            verify_mode=verify_mode,
        )
        self.handshake_extensions = given.handshake_extensions
        self.alpn_cb = given.alpn_cb
        self.update_traffic_key_cb = given.update_traffic_key_cb
        self._signature_algorithms = SIGNATURES
        self._supported_groups = _GROUPS
        self._peer_type = CertificateType.X509
        self._peer_schemes: tuple[tls.SignatureAlgorithm, ...] = ()
        self.peer_key: PeerKey | None = None
        """The peer's key; None if it showed none. Proven once the handshake is complete, and a mere claim before."""
        self._own_scheme: tls.SignatureAlgorithm | None = None

    def release(self) -> None:
        """Let go of what only a handshake needs: secrets, transcripts, the peer's certificate. The engine keeps us."""
        self.key_schedule = self._key_schedule_proxy = None
        self._enc_key = self._dec_key = None
        self._x25519_private_key = None
        self._ec_private_keys = []
        self._certificate_request = None
        self._peer_certificate = None
        self._peer_certificate_chain = []
        self.received_extensions = None
        self.handshake_extensions = []
        self.alpn_cb = None

    def adopt(self, credential: Credential) -> None:
        """Show this credential in the handshake."""
        # The engine asks of a certificate of ours its bytes and nothing else.
        leaf, *chain = credential.encoded
        self.certificate = cast("x509.Certificate", leaf)
        self.certificate_chain = cast("list[x509.Certificate]", chain)
        self.certificate_private_key = credential.private
        self._own_scheme = credential.scheme

    def _signature_algorithms_for_private_key(self) -> list[tls.SignatureAlgorithm]:
        """The one scheme that was agreed on; the engine alone would sign with no other hash than it likes best."""
        return [] if self._own_scheme is None else [self._own_scheme]

    def _check_certificate_verify_signature(self, verify: tls.CertificateVerify) -> None:
        """The engine's own check of the signature, behind one of its kind: the key's curve counts too."""
        if verify.algorithm not in self._peer_schemes:
            raise tls.AlertIllegalParameter("a signature of another kind than its key makes")
        super()._check_certificate_verify_signature(verify)

    def extension(self, number: int) -> bytes | None:
        """An extension of the peer's hello that the engine does not know itself."""
        return dict(self.received_extensions or ()).get(number)

    def _set_peer_certificate(self, certificate: tls.Certificate) -> None:
        der = certificate.certificates[0][0]
        if self._peer_type is CertificateType.RAW_PUBLIC_KEY:
            self._take_raw_key(der, len(certificate.certificates))
        else:
            self._take_certificate(certificate)
        key = _key_of(self._peer_certificate)
        self._peer_schemes = schemes_of(key)
        if not self._peer_schemes:
            raise tls.AlertUnsupportedCertificate("a key of a kind or length that is not served")
        self.peer_key = PeerKey(fingerprint_of(der), self._alternative(key))

    def _take_certificate(self, certificate: tls.Certificate) -> None:
        try:
            super()._set_peer_certificate(certificate)
        except x509.InvalidVersion:
            raise tls.AlertBadCertificate("a certificate of an unknown version") from None

    def _take_raw_key(self, der: bytes, count: int) -> None:
        if count != 1 or not is_ed25519_spki(der):
            raise tls.AlertUnsupportedCertificate("a raw key is one Ed25519 public key")
        key = RawPublicKey(Ed25519PublicKey.from_public_bytes(der.removeprefix(ED25519_SPKI_PREFIX)))
        self._peer_certificate = cast("x509.Certificate", key)
        self._peer_certificate_chain = []

    def _alternative(self, key: object) -> str | None:
        if self._peer_type is CertificateType.RAW_PUBLIC_KEY or not isinstance(key, Ed25519PublicKey):
            return None
        return fingerprint_of(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


class ServerTls(_PeerTls):
    """Asks every client for a key, requires none, checks possession always and a CA never (decision 4)."""

    longest = MAX_CLIENT_MESSAGE

    def __init__(self, given: tls.Context, credentials: ServerCredentials) -> None:
        super().__init__(given, ssl.CERT_NONE)
        self._credentials = credentials
        self._request_client_certificate = True
        self._answers: list[tuple[int, bytes]] = []

    def negotiated(self) -> None:
        """Called once the hello is accepted, before our answer to it is built."""
        self.handshake_extensions.extend(self._answers)

    def _server_handle_hello(self, input_buf: Buffer, initial_buf: Buffer, handshake_buf: Buffer) -> None:
        offer = read_offer(input_buf.data_slice(0, input_buf.capacity))
        self._settle_own(offer)
        self._settle_peer(offer)
        super()._server_handle_hello(input_buf, initial_buf, handshake_buf)

    def _settle_own(self, offer: ClientOffer) -> None:
        credential = self._credentials.choose(offer)
        if credential is None:
            raise tls.AlertUnsupportedCertificate("no key of ours that this client can verify")
        self.adopt(credential)
        if offer.names_server:
            self._answers.append((SERVER_CERTIFICATE_TYPE, bytes([credential.kind])))

    def _settle_peer(self, offer: ClientOffer) -> None:
        """A raw key is taken wherever it is offered; a client whose kinds we all lack is refused (RFC 7250 §4.2)."""
        shown = next(
            (kind for kind in (CertificateType.RAW_PUBLIC_KEY, CertificateType.X509) if kind in offer.shows), None
        )
        if shown is None:
            raise tls.AlertUnsupportedCertificate("no kind of client key that we can read")
        self._peer_type = shown
        if offer.names_client:
            self._answers.append((CLIENT_CERTIFICATE_TYPE, bytes([shown])))

    def _server_handle_finished(self, input_buf: Buffer, output_buf: Buffer) -> None:
        super()._server_handle_finished(input_buf, output_buf)
        self._answers = []
        self.release()

    def _set_peer_certificate(self, certificate: tls.Certificate) -> None:
        if len(certificate.certificates) != 1:
            raise tls.AlertBadCertificate("send one certificate without its chain")
        super()._set_peer_certificate(certificate)


class ClientTls(_PeerTls):
    """Trusts a pin, or else a CA; shows our key only after the server's own was found to be the right one.

    `refusal` says why we refused the server, where it was we.
    """

    def __init__(self, given: tls.Context, key: NodeKey | None, pin: str | None) -> None:
        super().__init__(given, ssl.CERT_REQUIRED if pin is None else ssl.CERT_NONE, _trusted_roots())
        self._own = None if key is None else raw_key(key)
        self._pin = pin
        self._reads = _readable(pin)
        self.refusal: HandshakeError | None = None
        self._offer()

    def negotiated(self) -> None:
        """Called once the server's answer is read, before its key is."""
        kind = self.extension(SERVER_CERTIFICATE_TYPE)
        if kind is not None:
            self._peer_type = _single_type(kind, self._reads)
        if self._own is not None and self.extension(CLIENT_CERTIFICATE_TYPE) == bytes([self._own.kind]):
            self.adopt(self._own)

    def _offer(self) -> None:
        if self._reads != (CertificateType.X509,):
            self.handshake_extensions.append((SERVER_CERTIFICATE_TYPE, bytes([len(self._reads), *self._reads])))
        if self._own is not None:
            self.handshake_extensions.append((CLIENT_CERTIFICATE_TYPE, bytes([1, self._own.kind])))

    def _client_handle_finished(self, input_buf: Buffer, output_buf: Buffer) -> None:
        super()._client_handle_finished(input_buf, output_buf)
        self.release()

    def _client_handle_certificate(self, input_buf: Buffer) -> None:
        super()._client_handle_certificate(input_buf)
        if self._pin is not None and self.peer_key is not None and self.peer_key.fingerprint != self._pin:
            self.refusal = PinMismatch(self._pin, self.peer_key.fingerprint)
            raise tls.AlertBadCertificate("not the pinned key")

    def _client_handle_certificate_verify(self, input_buf: Buffer) -> None:
        """As the engine's own, which lets through what three libraries raise over a certificate that is odd enough."""
        try:
            super()._client_handle_certificate_verify(input_buf)
        except (tls.Alert, BufferReadError):
            raise
        except Exception as error:  # noqa: BLE001  what they raise has no base in common
            raise tls.AlertBadCertificate(f"a certificate that cannot be checked: {type(error).__name__}") from None


def _key_of(certificate: x509.Certificate | None) -> object:
    """The public key in a certificate; None where nobody here knows its kind."""
    try:
        return None if certificate is None else certificate.public_key()
    except UnsupportedAlgorithm:
        return None
    except ValueError:
        raise tls.AlertBadCertificate("a damaged key") from None


def _single_type(data: bytes, offered: tuple[CertificateType, ...]) -> CertificateType:
    if len(data) != 1 or data[0] not in offered:
        raise tls.AlertIllegalParameter("a certificate type that was not offered")
    return CertificateType(data[0])


def _readable(pin: str | None) -> tuple[CertificateType, ...]:
    """Without a pin a raw key proves nothing, so none is asked for. A pinned certificate is asked for as such."""
    if pin is None or not pin.startswith("ed25519:"):
        return (CertificateType.X509,)
    return (CertificateType.RAW_PUBLIC_KEY, CertificateType.X509)


def _trusted_roots() -> str | None:
    """The platform's CA bundle; None makes the engine take the one bundled with certifi."""
    return ssl.get_default_verify_paths().cafile
