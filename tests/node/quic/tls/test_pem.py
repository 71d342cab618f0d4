"""Certificate files of an operator: what is read, and the sentence for what is not."""

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from node.quic.tls.keys import KeyFileError
from node.quic.tls.pem import MAX_PEM_FILE, read_certified
from tests.support.certificates import certificate, ending_in_the_year_0, pem_of, put

P256 = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


@pytest.fixture
def files(tmp_path):
    """Paths of the certificate and of the key, for a P-256 key that is right."""
    return put(tmp_path / "chain.pem", certificate(P256), mode=0o644), put(tmp_path / "key.pem", P256)


def refusal(files):
    with pytest.raises(KeyFileError) as caught:
        read_certified(*files)
    return str(caught.value)


@pytest.mark.parametrize(
    ("private", "schemes"),
    [
        (Ed25519PrivateKey.generate(), ["ED25519"]),
        (P256, ["ECDSA_SECP256R1_SHA256"]),
        (ec.generate_private_key(ec.SECP384R1()), ["ECDSA_SECP384R1_SHA384"]),
        (RSA, ["RSA_PSS_RSAE_SHA256", "RSA_PSS_RSAE_SHA384", "RSA_PSS_RSAE_SHA512"]),
    ],
    ids=["ed25519", "p256", "p384", "rsa"],
)
def test_every_served_kind_of_key_is_read_and_offered_with_its_schemes(tmp_path, private, schemes):
    path = put(tmp_path / "both.pem", certificate(private), private)
    certified = read_certified(path, path)
    assert certified.private.public_key() == private.public_key()
    assert [one.scheme.name for one in certified.choices()] == schemes


def test_the_chain_keeps_its_order_and_what_stands_between_the_blocks_is_left_out(tmp_path):
    root_key = ec.generate_private_key(ec.SECP384R1())
    root = certificate(root_key, name="root", usable_as_ca=True)
    leaf = certificate(P256, ca=(root, root_key))
    path = tmp_path / "chain.pem"
    path.write_bytes(b"subject=leaf\r\n" + pem_of(leaf).replace(b"\n", b"\r\n") + b"\n# root\n" + pem_of(root)[:-1])
    certified = read_certified(path, put(tmp_path / "key.pem", P256))
    assert (certified.leaf, certified.chain) == (leaf, (root,))


@pytest.mark.parametrize("kind", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_the_first_private_key_is_taken_however_it_is_wrapped(files, kind):
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    files[1].write_bytes(parameters + P256.private_bytes(Encoding.PEM, kind, NoEncryption()) + pem_of(RSA))
    assert read_certified(*files).private.public_key() == P256.public_key()


def test_a_key_of_another_certificate_is_refused_by_both_names(files):
    put(files[1], RSA)
    assert refusal(files) == f"{files[1]}: does not belong to the first certificate of {files[0]}"


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o610, 0o666])
def test_a_key_that_others_can_reach_is_refused(files, mode):
    files[1].chmod(mode)
    told = refusal(files)
    assert f"may be read by others (mode {mode:04o}); make a new key if they may have done so" in told
    assert told.endswith(f"chmod 600 {files[1]}")


def test_a_certificate_alone_is_told_to_have_no_key_rather_than_to_be_open(files):
    told = f"{files[0]}: holds no private key (PEM)"
    assert refusal((files[0], files[0])) == f"{told}; name the file of its key as node.certificate_key"
    other = put(files[0].with_name("other.pem"), certificate(P256), mode=0o644)
    assert refusal((files[0], other)) == f"{other}: holds no private key (PEM)"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_may_come_from_a_group(files, mode):
    files[1].chmod(mode)
    read_certified(*files)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: rsa.generate_private_key(65537, 1024),
        Ed448PrivateKey.generate,
        lambda: dsa.generate_private_key(2048),
    ],
    ids=["p521", "rsa1024", "ed448", "dsa"],
)
def test_a_key_that_no_handshake_serves_is_refused(tmp_path, make):
    private = make()
    path = put(tmp_path / "both.pem", certificate(private), private)
    assert "another kind" in refusal((path, path))


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_a_half_written_file_is_refused(files, cut):
    whole = [path.read_bytes() for path in files]
    for path, data in zip(files, whole, strict=True):
        path.write_bytes(data[:cut])
        assert "holds no" in refusal(files)
        path.write_bytes(data)


def test_damage_is_told_without_quoting_it(files):
    good = files[1].read_bytes()
    files[1].write_bytes(good.replace(b"MI", b"AA", 1))
    assert refusal(files) == f"{files[1]}: holds a damaged private key"
    files[1].write_bytes(good)
    files[0].write_bytes(files[0].read_bytes().replace(b"MI", b"AA", 1))
    assert refusal(files) == f"{files[0]}: holds a damaged certificate"


def test_dates_that_are_in_no_calendar_are_damage(files):
    put(files[0], ending_in_the_year_0(P256))
    assert refusal(files) == f"{files[0]}: holds a damaged certificate"


def test_an_encrypted_key_is_refused(files):
    locked = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    files[1].write_bytes(locked)
    assert "passphrase" in refusal(files)


def test_what_would_not_fit_a_handshake_is_refused(files):
    files[0].write_bytes(files[0].read_bytes() * 40)
    assert "chain of more than" in refusal(files)
    files[0].write_bytes(b" " * (MAX_PEM_FILE + 1))
    assert "too long" in refusal(files)


def test_a_directory_is_no_file(files, tmp_path):
    assert "is not a file" in refusal((tmp_path, files[1]))
