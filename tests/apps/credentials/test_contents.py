"""A content is sealed by the node and stored sealed, or nothing is stored at all."""

import pytest
from django.conf import settings

from apps.credentials import selectors, services
from apps.credentials.errors import NodeUnavailable, NotSealed
from apps.credentials.sealing import LOCKED, NO_VAULT, obstacle
from node.core.capabilities import Secret, SecretWiped
from node.core.credentials import MAX_CONTENT, InvalidCredential
from tests.support.credentials import insert, stored
from tests.support.panel import ALICE, audit
from tests.support.vault_node import VaultNode, opened

CANARY = "sk-canary-7f3a91"

pytestmark = pytest.mark.django_db


def set_(provider: str, content: Secret) -> None:
    services.set_credential(actor=ALICE, provider=provider, content=content)


@pytest.mark.parametrize("text", [CANARY, "x", "ключ 🔑\r\nmore\n", " spaces ", "x" * MAX_CONTENT, "\x00"])
def test_what_is_stored_is_sealed_and_opens_to_what_was_given(node: VaultNode, text: str) -> None:
    content = Secret(text)
    set_("openai", content)

    blob = selectors.find_blob("openai")
    assert blob is not None
    assert (opened(blob), blob.key_version) == (text, 2)
    assert CANARY.encode() not in blob.data
    assert audit() == [("alice", "credential.added", "openai")]
    with pytest.raises(SecretWiped):
        content.expose_secret()


def test_a_new_content_is_sealed_under_the_newest_version_in_use(node: VaultNode) -> None:
    insert("old")
    insert("rotated", key_version=5)
    set_("new", Secret(CANARY))
    set_("old", Secret(CANARY))

    assert selectors.key_versions() == {"new": 5, "old": 5, "rotated": 5}


@pytest.mark.parametrize(
    ("provider", "text", "field"),
    [
        ("", CANARY, "provider"),
        (" x", CANARY, "provider"),
        ("x", "", "content"),
        ("x", "a" * (MAX_CONTENT + 1), "content"),
        ("x", "é" * (MAX_CONTENT // 2) + "a", "content"),
        ("x", f"{CANARY}\udcff", "content"),
    ],
)
def test_what_is_wrong_is_named_and_never_shown_to_the_node(provider: str, text: str, field: str) -> None:
    """There is no node here: asking it would be another error."""
    content = Secret(text)
    with pytest.raises(InvalidCredential) as refused:
        set_(provider, content)

    assert list(refused.value.errors) == [field]
    assert CANARY not in str(refused.value)
    assert (stored(), audit()) == ({}, [])
    with pytest.raises(SecretWiped):
        content.expose_secret()


@pytest.mark.parametrize(
    ("order", "sentence", "command"), [("lock", LOCKED, "alknet vault unlock"), ("lose", NO_VAULT, "alknet vault init")]
)
def test_without_a_vault_that_is_open_there_is_a_sentence_and_nothing_is_stored(
    node: VaultNode, order: str, sentence: str, command: str
) -> None:
    insert("there")
    before = stored()
    assert obstacle() is None
    node.tell(order)
    assert obstacle() == sentence
    for provider in ("there", "new"):
        with pytest.raises(NodeUnavailable, match=command):
            set_(provider, Secret(CANARY))
    assert (stored(), audit()) == (before, [])


def test_a_seal_that_fails_is_told_in_our_own_words(node: VaultNode) -> None:
    insert("beyond", key_version=2**32 - 1)
    before = stored()
    with pytest.raises(NotSealed, match="did not seal") as failed:
        set_("new", Secret(CANARY))

    assert not isinstance(failed.value, NodeUnavailable)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert (stored(), audit()) == (before, [])
    assert settings.PATHS.control_socket.exists()
