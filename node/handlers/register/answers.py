"""What joiners are told, and whom the node talks to at all."""

from node.core.enrolment.index import ClaimState, Outcome
from node.core.identity import AuthContext
from node.handlers.register.messages import Told, Word

NOT_ACCEPTED = "This code is not accepted: it may be mistyped, used already, or over. Ask for another one."
"""The one text for a code that was guessed, used up, revoked or over."""
DECLINED = "This claim was declined."
GONE = "This machine was admitted by this code, and its peer is removed or disabled since."
LATER = "The node takes no codes at the moment. Try again in a while."
KEPT_FOR_PANEL = "The claim is kept. The node's control panel does not answer at the moment; ask again later."
KEPT_FOR_PERSON = "The claim is kept. Nobody has decided yet; ask again later."
RAW_KEY_NEEDED = "A machine joins by an Ed25519 key of its own, shown as a raw public key."


class Declined(Exception):
    """The joiner is told this, and nothing more happens."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.message)
        self.told = told


def key_of(auth: AuthContext) -> str:
    """The key that the handshake has proven. Raises Declined where it is no raw one of Ed25519."""
    key = auth.tls_client_fingerprint
    if key is None or not key.startswith("ed25519:"):
        raise Declined(Told(Word.REFUSED, message=RAW_KEY_NEEDED))
    return key


def last_word(known: Outcome | None) -> Told:
    """What is said of a claim at the end; None is one on which nobody has decided."""
    if known is None:
        return Told(Word.KEPT, message=KEPT_FOR_PERSON)
    if known.state is ClaimState.ADMITTED:
        return Told(Word.ADMITTED, peer_id=known.peer_id)
    return Told(Word.REFUSED, message=DECLINED)
