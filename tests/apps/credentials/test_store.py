"""What the contract suite does not know of the Django store: its audit rows, and that its errors are the contract's."""

import pytest
from asgiref.sync import sync_to_async

from apps.credentials.store import DjangoCredentialStore
from node.core.credentials import EncryptedData
from node.core.errors import BackendError
from tests.support.credentials import blob, insert, stored
from tests.support.panel import ALICE, audit

pytestmark = pytest.mark.django_db(transaction=True)


async def test_what_is_put_is_got_and_audited() -> None:
    store = DjangoCredentialStore(ALICE)
    await store.put("openai", blob(1))
    await store.put("github", blob(2))
    await store.delete("openai")
    await store.delete("openai")

    assert (store.get("openai"), store.get("github"), store.list_providers()) == (None, blob(2), ("github",))
    actions = [("added", "openai"), ("added", "github"), ("removed", "openai")]
    assert await sync_to_async(audit)() == [("alice", f"credential.{what}", name) for what, name in actions]


async def test_refusals_are_the_contracts_errors_and_write_nothing() -> None:
    store = DjangoCredentialStore()
    with pytest.raises(BackendError):
        await store.put(" x", blob(1))
    with pytest.raises(BackendError):
        await store.put("x", EncryptedData(2, b"", b"", b""))
    assert await sync_to_async(stored)() == {}


async def test_a_damaged_row_is_no_credential_and_keeps_no_other_from_being_one() -> None:
    await sync_to_async(insert)("good")
    await sync_to_async(insert)("bad", iv="twelve chars")
    store = DjangoCredentialStore()
    await store.refresh()

    assert (store.get("bad"), store.list_providers()) == (None, ("good",))
