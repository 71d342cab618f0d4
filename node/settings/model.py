"""The model: every setting, its bounds and its default, and which of them a running node follows."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from node.control.limits import ControlLimits
from node.core.live import RESTART
from node.core.paths import DataPaths
from node.endpoint.limits import EndpointLimits
from node.exposition.settings import MetricsSettings
from node.handlers.call.limits import CallLimits
from node.handlers.register.limits import EnrolmentLimits
from node.handlers.sftp.limits import SftpLimits
from node.handlers.ssh.forwarding.limits import ForwardingSettings
from node.handlers.ssh.limits import SshSettings
from node.journal.limits import JournalLimits
from node.quic.accelerated import Choice
from node.quic.limits import QuicLimits
from node.settings.panel import PanelSettings
from node.settings.values import AbsolutePath, CapabilitySettings, HostPort, NodesSettings, OpenTable
from node.store.limits import StoreLimits
from node.toml_lines import KeyPath

ENVIRONMENT_PREFIX = "ALKNET_"


class Section(BaseModel):
    """A group of settings: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class NodeSettings(Section):
    listen: HostPort = Field(
        "0.0.0.0:4433",
        description="UDP address of the node's endpoint; [::] is all of IPv6 and IPv4, port 0 picks a free one.",
    )
    peers_file: AbsolutePath | None = Field(None, description="TOML file of peers, used in place of the database.")
    engine: Choice = Field(
        "auto", description="Build of the QUIC engine: auto is the accelerated one where it is built, else stock."
    )
    certificate: AbsolutePath | None = Field(
        None, description="PEM file of a certificate and its chain, for clients that do not know the node by its key."
    )
    certificate_key: AbsolutePath | None = Field(
        None, description="PEM file of that certificate's private key, where it is not in the same file."
    )

    @field_validator("certificate_key")
    @classmethod
    def _no_key_alone(cls, key: Path | None, others: ValidationInfo) -> Path | None:
        """A certificate that is wrong itself is not among the others, and has its own problem told."""
        if key is not None and others.data.get("certificate", key) is None:
            raise ValueError("a key alone is of no use; set node.certificate too, to the file of its certificate")
        return key


class ActivitySettings(Section):
    """What the panel keeps of the journal; whichever bound is met first."""

    keep_days: float = Field(90.0, gt=0, le=36_500, description="Days that the panel keeps an event.")
    keep_events: int = Field(
        1_000_000,
        ge=1_000,
        le=100_000_000,
        description="Events that the panel keeps, about 500 bytes each; the oldest go first.",
    )


class LiveSettings(Section):
    """The panel's pages that follow what happens."""

    sockets: int = Field(
        64, ge=0, le=400, description="Open pages of the panel that are told at once; more look by the clock."
    )
    per_user: int = Field(8, ge=0, le=400, description="The same of one user.")
    check: float = Field(
        5.0, ge=0.1, le=300, description="Seconds between two looks whether an open page's user is still signed in."
    )
    layer: str = Field(
        "channels.layers.InMemoryChannelLayer",
        max_length=200,
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$",
        description="Class of the channel layer by which the web process tells open pages; the default is its memory.",
    )
    layer_options: OpenTable = Field(
        {}, description="What that class takes, as its package says. No secret may stand here."
    )


class AuditSettings(Section):
    checkpoint_hours: float = Field(
        24.0,
        ge=0,
        le=8760,
        description="Hours after which the panel has the node sign the audit log anew, if it has grown; 0 for never.",
    )


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least level that is written.")
    format: Annotated[Literal["auto", "json", "console"], RESTART] = Field(
        "auto", description="JSON lines, or text for people; auto is text on a terminal and JSON elsewhere."
    )


class VaultSettings(Section):
    key_file: AbsolutePath | None = Field(
        None,
        description="Key file that opens the vault without a passphrase, outside the data directory; where none is "
        "named it is ~/.config/alknet/boxes/BOX.key.",
    )
    cache_ttl: float = Field(
        3600.0, ge=0, le=86400, description="Seconds that a derived key is kept at hand; 0 keeps none."
    )
    cache_entries: int = Field(64, ge=0, le=4096, description="Derived keys that are kept at hand at a time.")


class BackupSettings(Section):
    directory: AbsolutePath | None = Field(
        None,
        description="Where scheduled backups and those of the panel are put; where none is named it is DIR/backups.",
    )
    every: float = Field(
        0.0, ge=0, le=8784, description="Hours from one scheduled backup to the next; with 0 none is scheduled."
    )
    keep: int = Field(
        7, ge=1, le=10_000, description="Scheduled backups that are kept; older ones are removed after each new one."
    )
    encrypt: bool = Field(
        False,  # noqa: FBT003 - a default
        description="Seal backups under the vault's key, so that only the recovery words, or this box's own vault, "
        "open them.",
    )


class Settings(BaseSettings):
    """Every setting. Build it with `load_settings`; built directly it reads neither the environment nor a file."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    data: Annotated[AbsolutePath, RESTART] = Field(Path("data"), description="The data directory.")
    node: Annotated[NodeSettings, RESTART] = NodeSettings()
    panel: Annotated[PanelSettings, RESTART] = PanelSettings()
    activity: Annotated[ActivitySettings, RESTART] = ActivitySettings()
    live: Annotated[LiveSettings, RESTART] = LiveSettings()
    vault: Annotated[VaultSettings, RESTART] = VaultSettings()
    audit: Annotated[AuditSettings, RESTART] = AuditSettings()
    backup: Annotated[BackupSettings, RESTART] = BackupSettings()
    log: LogSettings = LogSettings()
    metrics: Annotated[MetricsSettings, RESTART] = MetricsSettings()
    endpoint: EndpointLimits = EndpointLimits()
    call: CallLimits = CallLimits()
    control: ControlLimits = ControlLimits()
    quic: QuicLimits = QuicLimits()
    store: StoreLimits = StoreLimits()
    journal: JournalLimits = JournalLimits()
    enrolment: EnrolmentLimits = EnrolmentLimits()
    ssh: SshSettings = SshSettings()
    forwarding: ForwardingSettings = ForwardingSettings()
    sftp: SftpLimits = SftpLimits()
    capabilities: CapabilitySettings = Field(
        {}, description="Of each protocol of the node: the providers whose credentials it may use."
    )
    nodes: NodesSettings = Field({}, description="Other nodes to be linked to, each a table of its own.")

    @property
    def paths(self) -> DataPaths:
        return DataPaths(self.data)

    @property
    def backups(self) -> Path:
        """The directory of scheduled backups, and of those made in the panel."""
        return self.backup.directory or self.paths.backups

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `load_settings` reads the sources one by one, to know where each value is from."""
        return (init_settings,)


def known_keys(model: type[BaseModel], above: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every key of the model, sections opened."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from known_keys(kind, (*above, name))
        else:
            yield (*above, name)


def is_live(key: KeyPath, model: type[BaseModel] = Settings) -> bool:
    """Whether a running node follows this key when the settings file changes (decision 26)."""
    field = model.model_fields[key[0]]
    if RESTART in field.metadata:
        return False
    kind = field.annotation
    return len(key) == 1 or not (isinstance(kind, type) and issubclass(kind, BaseModel)) or is_live(key[1:], kind)


def variable_name(key: KeyPath) -> str:
    """The variable of the environment that sets a key."""
    return ENVIRONMENT_PREFIX + "__".join(key).upper()
