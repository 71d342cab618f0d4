"""What is derived from a code: other inputs give other outputs, wherever the parts are cut."""

import re

from hypothesis import given
from hypothesis import strategies as st

from node.core.enrolment.derived import authentication_string, claim_id, code_hash, commitment, opens
from node.core.tokens import is_token_hash

A, B = f"ed25519:{1:064x}", f"ed25519:{2:064x}"


def sas(**other: bytes | str) -> str:
    parts = {"node": A, "joiner": B, "secret": bytes(16), "joiner_nonce": bytes(32), "node_nonce": bytes([1]) * 32}
    return authentication_string(**(parts | other))  # type: ignore[arg-type]


def test_the_authentication_string_is_nine_digits_and_hangs_on_every_part() -> None:
    others = [
        sas(node=B),
        sas(joiner=A),
        sas(node=B, joiner=A),
        sas(secret=bytes([1]) * 16),
        sas(joiner_nonce=bytes([2]) * 32),
        sas(joiner_nonce=bytes([1]) * 32, node_nonce=bytes(32)),
    ]
    assert re.fullmatch(r"\d{3} \d{3} \d{3}", sas())
    assert len({sas(), *others}) == 7


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_commitment_is_opened_by_its_own_nonce_and_key_alone(nonce: bytes, other: bytes) -> None:
    assert opens(commitment(nonce, A), nonce, A)
    assert not opens(commitment(nonce, A), nonce, B)
    assert opens(commitment(nonce, A), other, A) is (nonce == other)


def test_the_stored_hash_is_no_hash_of_the_secret_alone() -> None:
    import hashlib

    secret = bytes(range(16))
    assert is_token_hash(code_hash(secret))
    assert hashlib.sha256(secret).hexdigest() not in code_hash(secret)
    assert claim_id(code_hash(secret), A) != claim_id(code_hash(secret), B)
