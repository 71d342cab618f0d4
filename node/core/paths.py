"""Where things lie in a data directory. Names only: nothing here touches the disk."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DataPaths:
    """The files of one appliance below its data directory."""

    data: Path

    @property
    def database(self) -> Path:
        """The control plane's file; the web process is its only writer."""
        return self.data / "alknet.db"

    @property
    def journal(self) -> Path:
        """What happened to the node's connections; the node is its only writer."""
        return self.data / "node.db"

    @property
    def config_file(self) -> Path:
        return self.data / "alknet.toml"

    @property
    def secrets(self) -> Path:
        """Directory of mode 0700; each file in it is 0600."""
        return self.data / "secrets"

    @property
    def node_key(self) -> Path:
        """The Ed25519 private key, PKCS#8 PEM, of a node from before there was a vault; else there is none."""
        return self.secrets / "node_key.pem"

    @property
    def vault(self) -> Path:
        """The recovery phrase, wrapped (node.custody.record)."""
        return self.secrets / "vault.json"

    @property
    def passing_certificate(self) -> Path:
        """The node's P-256 certificate for browsers, with its private key, PEM."""
        return self.secrets / "node_certificate.pem"

    @property
    def web_secret_key(self) -> Path:
        """Django's signing key."""
        return self.secrets / "web_secret_key"

    @property
    def token_key(self) -> Path:
        """The key of the digests by which API tokens are known."""
        return self.secrets / "token_key"

    @property
    def setup_token(self) -> Path:
        """The one-time token of the set-up link; there only while no administrator exists."""
        return self.secrets / "setup_token"

    @property
    def backups(self) -> Path:
        """Where backups go for which no other place is set."""
        return self.data / "backups"

    @property
    def restored(self) -> Path:
        """A note that this state came out of a backup, there until the panel has written it into the audit log."""
        return self.data / "restored.json"

    @property
    def run(self) -> Path:
        """Facts about the running processes; worthless once they have ended."""
        return self.data / "run"

    @property
    def vault_door(self) -> Path:
        """Unix socket by which this user unlocks and locks the running node's vault (node.custody.door)."""
        return self.run / "vault.sock"

    @property
    def forwarded(self) -> Path:
        """Notes of the Unix sockets that peers have the node listen on (node.handlers.ssh.forwarding.left)."""
        return self.run / "forwarded"

    @property
    def ready_file(self) -> Path:
        return self.run / "ready.json"

    @property
    def control_socket(self) -> Path:
        """Where a running node answers its administrator."""
        return self.run / "node.sock"
