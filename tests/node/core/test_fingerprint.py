import base64
import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from node.core.fingerprint import (
    MAX_KEY_INPUT,
    KeyFormatError,
    fingerprint_of,
    is_fingerprint,
    parse_key,
    spellings,
)

KEY = ed25519.Ed25519PrivateKey.generate()
RAW = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
FINGERPRINT = "ed25519:" + RAW.hex()
OPENSSH = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else SHA256())


def test_an_ed25519_key_is_named_by_its_bytes() -> None:
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert fingerprint_of(der) == FINGERPRINT
    assert len(FINGERPRINT) == 72


def test_a_certificate_is_named_by_its_hash_even_with_an_ed25519_key() -> None:
    der = certificate(KEY).public_bytes(Encoding.DER)
    assert fingerprint_of(der) == "SHA256:" + hashlib.sha256(der).hexdigest()
    assert len(fingerprint_of(der)) == 71


@given(st.binary(max_size=60))
def test_anything_else_is_named_by_its_hash(der: bytes) -> None:
    is_key = len(der) == 44 and der[:12] == bytes.fromhex("302a300506032b6570032100")
    assert is_key or fingerprint_of(der) == "SHA256:" + hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    "text",
    [FINGERPRINT, OPENSSH, f"{OPENSSH} alice@laptop", f"\n  {OPENSSH}\n", PEM, PEM.replace("\n", "\r\n")],
    ids=["fingerprint", "openssh", "comment", "spaces", "pem", "windows"],
)
def test_every_spelling_of_a_key_gives_the_same_fingerprint(text: str) -> None:
    assert parse_key(text) == FINGERPRINT


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n# another\n"])
def test_of_several_lines_none_is_silently_left_out(end: str) -> None:
    with pytest.raises(KeyFormatError, match="give each key on its own"):
        parse_key(f"{OPENSSH} alice{end}{OPENSSH} bob")


def test_a_pasted_certificate_gives_its_hash() -> None:
    cert = certificate(ec.generate_private_key(ec.SECP256R1()))
    expected = "SHA256:" + hashlib.sha256(cert.public_bytes(Encoding.DER)).hexdigest()
    assert parse_key(cert.public_bytes(Encoding.PEM).decode()) == expected


def test_spellings_agree_with_the_cryptography_library() -> None:
    shown = spellings(FINGERPRINT)
    blob = base64.b64decode(OPENSSH.split()[1])
    assert shown.openssh == OPENSSH
    assert shown.pem == PEM
    assert shown.openssh_fingerprint == "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@given(st.binary(min_size=32, max_size=32))
def test_every_spelling_reads_back(key: bytes) -> None:
    shown = spellings("ed25519:" + key.hex())
    assert shown.openssh is not None
    assert shown.pem is not None
    assert {parse_key(shown.openssh), parse_key(shown.pem)} == {shown.fingerprint}


def test_a_certificate_has_one_spelling_only() -> None:
    shown = spellings("SHA256:" + "0" * 64)
    assert (shown.openssh, shown.pem, shown.openssh_fingerprint) == (None, None, None)


PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
RSA_SSH = (
    rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
)
P256 = (
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "expected an ssh-ed25519 line"),
        ("nonsense", "expected an ssh-ed25519 line"),
        pytest.param(FINGERPRINT.upper(), "lower-case", id="upper case"),
        pytest.param(FINGERPRINT[:-1], "64 lower-case", id="one digit less"),
        ("SHA256:" + base64.b64encode(bytes(32)).decode().rstrip("="), "paste the ssh-ed25519 line"),
        (RSA_SSH, "only ssh-ed25519"),
        ("ssh-ed25519 " + "A" * 20, "cut off"),
        ("ssh-ed25519", "cut off"),
        ("ssh-ed25519 ####", "base64"),
        (PRIVATE, "private key"),
        (P256.decode(), "only Ed25519"),
        (PEM + PEM, "exactly one PEM block"),
        ("-----BEGIN PUBLIC KEY-----\n%%%\n-----END PUBLIC KEY-----", "base64"),
        ("x" * (MAX_KEY_INPUT + 1), "longer than"),
    ],
)
def test_other_text_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(KeyFormatError, match=hint) as caught:
        parse_key(text)
    assert PRIVATE.splitlines()[1] not in str(caught.value)


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        assert is_fingerprint(parse_key(text))
    except KeyFormatError:
        pass
