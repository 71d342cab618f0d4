"""SSH of a node as it is put together: where its host key is from, and whether there is any SSH at all."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from node.assembly.ssh import host_key, open_ssh
from node.core.journal import NoJournal
from node.core.metrics import Metrics
from node.custody.keeper import VaultKeeper
from node.handlers.ssh.errors import NoHostKey
from node.handlers.ssh.limits import SshSettings
from node.quic.tls.keys import NodeKey
from node.reload import LiveSettings
from node.settings import Settings
from node.store.memory import MemoryIdentityStore
from tests.support.custody import SSH_HOST, by_passphrase, contents, custody_at, made


def test_the_host_key_is_the_vaults_which_has_to_be_open(tmp_path: Path) -> None:
    made(tmp_path)
    keeper = VaultKeeper(custody_at(tmp_path))
    give = host_key("", keeper)
    with pytest.raises(NoHostKey, match="vault"):
        give()
    keeper.open_by_key()
    public = give().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert f"ed25519:{public.hex()}" == SSH_HOST


def test_a_file_takes_its_place_and_is_to_be_nobody_elses(tmp_path: Path) -> None:
    custody_at(tmp_path).make(contents(), by_passphrase(), shown=True)
    give = host_key(str(tmp_path / "key"), VaultKeeper(custody_at(tmp_path)))
    with pytest.raises(NoHostKey):
        give()
    key = NodeKey.generate()
    (tmp_path / "key").write_bytes(key.private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(NoHostKey):
        give()
    (tmp_path / "key").chmod(0o600)
    assert give().public_key().public_bytes_raw() == key.private.public_key().public_bytes_raw()


def test_there_is_ssh_where_the_settings_want_it_and_it_follows_the_store(tmp_path: Path) -> None:
    keeper, store, metrics = VaultKeeper(custody_at(tmp_path)), MemoryIdentityStore(), Metrics()

    def opened(settings: Settings) -> object:
        return open_ssh(settings, LiveSettings(settings), store, metrics, keeper, NoJournal())

    assert opened(Settings()) is None
    handler = opened(Settings(ssh=SshSettings(enabled=True)))
    assert handler is not None
    followed = (store._subscribers, store._lock_subscribers, store._rule_subscribers)
    assert [len(subscribers) for subscribers in followed] == [1, 1, 1]
    assert metrics.snapshot()["ssh.connections"] == 0
