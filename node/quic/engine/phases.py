"""The keys of established connections, with those before the last update for what was sent under them."""

from aioquic._crypto import CryptoError
from aioquic.quic.crypto import CryptoContext, CryptoPair


class PhasedKeys(CryptoPair):
    """The engine's pair of keys, which opens late packets as well.

    The engine forgets a key as it replaces it, though the peer goes on under the old one until it hears of the update.
    Where the packet that would tell it is lost and we have nothing more to say, neither side ever understands the other
    again. So the old key is kept until the peer is known to have followed, as RFC 9001 §6.1 demands, and for a while
    longer (§6.5).
    """

    def __init__(self) -> None:
        super().__init__()
        self._old: CryptoContext | None = None
        self._first: int | None = None
        self._until: float | None = None

    @property
    def keeps_old(self) -> bool:
        """Whether packets under the keys before these are still opened."""
        return self._old is not None

    def forget_old(self, now: float, grace: float) -> None:
        """Let go of the old key once the peer has used the new one for `grace` seconds. Called now and then."""
        if self._old is None or self._first is None:
            return
        if self._until is None:
            self._until = now + grace
        elif now >= self._until:
            self._old = None

    def decrypt_packet(
        self, packet: bytes, encrypted_offset: int, expected_packet_number: int
    ) -> tuple[bytes, bytes, int]:
        try:
            opened = super().decrypt_packet(packet, encrypted_offset, expected_packet_number)
        except CryptoError:
            if self._old is None:
                raise
            return self._open_late(self._old, packet, encrypted_offset, expected_packet_number)
        if self._old is not None and (self._first is None or opened[2] < self._first):
            self._first = opened[2]
        return opened

    def _open_late(
        self, old: CryptoContext, packet: bytes, encrypted_offset: int, expected_packet_number: int
    ) -> tuple[bytes, bytes, int]:
        header, payload, number, is_newer = old.decrypt_packet(packet, encrypted_offset, expected_packet_number)
        if is_newer or (self._first is not None and number > self._first):
            # Once the peer has new keys, it sends nothing more under the old ones (RFC 9001 §6.4).
            raise CryptoError("a packet under old keys came after one under new keys")
        return header, payload, number

    def _update_key(self, trigger: str) -> None:
        self._old = _copy(self.recv)
        self._first = self._until = None
        super()._update_key(trigger)


def _copy(keys: CryptoContext) -> CryptoContext:
    copy = CryptoContext(key_phase=keys.key_phase)
    copy.aead, copy.hp, copy.secret = keys.aead, keys.hp, keys.secret
    copy.cipher_suite, copy.version = keys.cipher_suite, keys.version
    return copy
