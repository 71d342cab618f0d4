"""The one settings model of the appliance, shared by the web process, the node and the command line.

Sources, the strongest first: options of the command, the environment (ALKNET_<SECTION>__<KEY>, ALKNET_DATA and
ALKNET_CONFIG), the TOML file (ALKNET_CONFIG, else DATA/alknet.toml), defaults. No setting is a secret: secrets are
files below DATA/secrets. Whatever is unknown or wrong stops the start, by its name and its place.
"""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from node.control.limits import ControlLimits
from node.core.address import format_host_port, parse_host_port
from node.core.credentials import check_provider
from node.core.live import RESTART
from node.core.paths import DataPaths
from node.endpoint.limits import EndpointLimits
from node.exposition.settings import MetricsSettings
from node.handlers.call.limits import CallLimits
from node.journal.limits import JournalLimits
from node.links.settings import MAX_NODES, LinkSettings, NodeName
from node.quic.accelerated import Choice
from node.quic.limits import QuicLimits
from node.store.limits import StoreLimits
from node.toml_lines import KeyPath, key_lines

ENVIRONMENT_PREFIX = "ALKNET_"
CONFIG_VARIABLE = "ALKNET_CONFIG"
DATA_VARIABLE = "ALKNET_DATA"
MAX_CONFIG_FILE = 256 * 1024
"""Longest settings file that is read, in bytes."""

HANDLERS = ("alknet/call",)
"""The protocols that this node serves, by their ALPN."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = "expected http://HOST or https://HOST, with a port if need be, and nothing after it"
_OPEN_TABLES = frozenset({("capabilities",), ("nodes",), ("live", "layer_options")})
"""Tables whose keys are names: each table is one setting, and the strongest source that has it has all of it."""
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


class SettingsError(Exception):
    """The settings cannot be used. One line for each problem: its place, the key, and what would be right."""


def _normal_host_port(text: str) -> str:
    return format_host_port(parse_host_port(text))


def _absolute(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("a path has no NUL character in it")
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError(f"nobody here is called {path.parts[0]}") from None


def _split_commas(value: Any) -> Any:
    """A variable of the environment holds a list as text with commas."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _origin_url(url: str) -> str:
    """The origin as browsers spell it (RFC 6454 §6.2): the panel compares it with theirs letter by letter."""
    try:
        parts = urlsplit(url)
        default = _DEFAULT_PORTS[parts.scheme]
        host, port = parse_host_port(parts.netloc.lower(), default)
    except (KeyError, ValueError):
        raise ValueError(_ORIGIN) from None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(_ORIGIN)
    return f"{parts.scheme}://{format_host_port((host, port)).removesuffix(f':{default}')}"


def _known_handler(name: str) -> str:
    """A service is an ALPN: a name that is none of ours would be given secrets for nothing."""
    if name in HANDLERS:
        return name
    near = difflib.get_close_matches(name, HANDLERS, n=1)
    meant = f"; did you mean “{near[0]}”?" if near else f"; there is {', '.join(f'“{known}”' for known in HANDLERS)}"
    raise ValueError(f"this node serves no protocol of that name{meant}")


def _provider(name: str) -> str:
    if wrong := check_provider(name):
        raise ValueError(" ".join(wrong))
    return name


def _parse_json(value: Any) -> Any:
    """A variable of the environment holds an open table as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError('expected JSON: the whole table as one object, such as {"alknet/call": ["openai"]}') from None


HostPort = Annotated[str, AfterValidator(_normal_host_port)]
"""HOST:PORT in its normal spelling; node.core.address.parse_host_port takes it apart."""
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


CapabilitySettings = Annotated[
    Mapping[
        Annotated[str, AfterValidator(_known_handler)],
        Annotated[tuple[Annotated[str, AfterValidator(_provider)], ...], Field(max_length=1_000)],
    ],
    NoDecode,
    BeforeValidator(_parse_json),
]
"""Which providers' credentials each protocol may use."""

NodesSettings = Annotated[
    Mapping[NodeName, LinkSettings], Field(max_length=MAX_NODES), NoDecode, BeforeValidator(_parse_json)
]
"""The other nodes that this one is linked to, by name."""


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


class PanelSettings(Section):
    listen: HostPort = Field("127.0.0.1:8000", description="TCP address of the panel; port 0 picks a free one.")
    public_url: Annotated[str, AfterValidator(_origin_url)] | None = Field(
        None, description="URL under which browsers reach the panel, where that is not its address."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_commas)] = Field(
        (), description="Further host names that the panel answers to."
    )


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
    layer_options: Annotated[Mapping[str, Any], NoDecode, BeforeValidator(_parse_json)] = Field(
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


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings, and the origin of each key: "default", "option", "environment NAME" or "FILE line N"."""

    settings: Settings
    origins: Mapping[str, str]
    file: Path | None
    """The settings file, which need not exist; None where its place cannot be told."""
    written: Mapping[str, Any]
    """What the file says, by key, whether or not something stronger says otherwise."""


@dataclass(frozen=True, slots=True)
class _Source:
    """One source's values by key path, and where each of them stands."""

    values: Mapping[KeyPath, Any]
    places: Mapping[KeyPath, str]

    def place(self, path: KeyPath) -> str | None:
        """The place of the key, or of the nearest table around it; of one with tables only, that of the first."""
        found = next((self.places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.places), None)
        return found or next((place for key, place in self.places.items() if key[: len(path)] == path), None)


def load_settings(
    *, data: Path | None = None, config: Path | None = None, overrides: Mapping[str, Any] = _EMPTY
) -> LoadedSettings:
    """Read every source. `overrides` maps dotted keys ("panel.listen") to values; None leaves a key alone.

    Raises SettingsError naming every wrong key.
    """
    options = _options({"data": data, **overrides})
    environment = _environment()
    named = config or (Path(os.environ[CONFIG_VARIABLE]) if os.environ.get(CONFIG_VARIABLE) else None)
    path = named or _usual_file(options, environment)
    file = _Source({}, {}) if path is None else _file(path, missing=None if named else "")
    sources = [options, environment, file]
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        for key, value in source.values.items():
            _put(merged, key, value)
    try:
        settings = Settings(**merged)
    except ValidationError as error:
        raise SettingsError("\n".join(_problems(error, sources))) from None
    origins = {".".join(key): _origin(key, sources) for key in known_keys(Settings)}
    return LoadedSettings(settings, origins, path, {".".join(key): value for key, value in file.values.items()})


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


def _options(overrides: Mapping[str, Any]) -> _Source:
    values = {tuple(key.split(".")): value for key, value in overrides.items() if value is not None}
    return _Source(values, dict.fromkeys(values, "option"))


def _environment() -> _Source:
    names = [name for name in os.environ if name.upper().startswith(ENVIRONMENT_PREFIX) and name != CONFIG_VARIABLE]
    paths = {tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")): name for name in names}
    known = set(known_keys(Settings))
    unknown = [(name, path) for path, name in paths.items() if path not in known]
    if unknown:
        raise SettingsError("\n".join(f"environment {name}: {_unknown(path)}" for name, path in unknown))
    values = dict(_leaves(EnvSettingsSource(Settings)()))
    return _Source(values, {path: f"environment {name}" for path, name in paths.items()})


def _usual_file(*above: _Source) -> Path | None:
    """The settings file in the data directory, which need not exist."""
    data = next((source.values[("data",)] for source in above if ("data",) in source.values), Path("data"))
    try:
        return DataPaths(_absolute(Path(data))).config_file
    except ValueError:
        return None  # the model refuses that directory, and names where it is from


def _file(path: Path, *, missing: str | None) -> _Source:
    text = _read(path, missing=missing)
    try:
        parsed = _Source(dict(_leaves(tomllib.loads(text))), _places(path, text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_syntax_error(path, text, str(error))) from None
    except RecursionError:
        raise SettingsError(f"{path}: nested too deeply") from None
    if place := parsed.places.get(("data",)):
        raise SettingsError(f"{place}: the data directory is set by --data or {DATA_VARIABLE}, never here")
    return parsed


def _syntax_error(path: Path, text: str, problem: str) -> str:
    """tomllib tells the place at the end of its sentence; here it comes first, as in every other error."""
    found = re.fullmatch(r"(.*) \(at line (\d+), (column \d+)\)", problem, re.DOTALL)
    if found is None:
        return f"{_place(path, len(text.splitlines()))}: not valid TOML: {problem}"
    return f"{_place(path, int(found[2]))}: not valid TOML: {found[1]} ({found[3]})"


def _place(path: Path, line: int) -> str:
    return f"{path.name} line {line}"


def _places(path: Path, text: str) -> dict[KeyPath, str]:
    return {key: _place(path, line) for key, line in key_lines(text).items()}


def _read(path: Path, *, missing: str | None) -> str:
    """The text of a file; where there is no such file, `missing` in its place, if there is a place for that."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_CONFIG_FILE + 1)
        if len(raw) > MAX_CONFIG_FILE:
            raise SettingsError(f"{path}: longer than {MAX_CONFIG_FILE} bytes")
        return raw.decode().replace("\r\n", "\n")
    except OSError as error:
        if missing is not None and isinstance(error, FileNotFoundError | NotADirectoryError):
            return missing
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None


def _leaves(values: Mapping[str, Any], above: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value and (*above, name) not in _OPEN_TABLES:
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _put(tree: dict[str, Any], path: KeyPath, value: Any) -> None:
    for name in path[:-1]:
        below = tree.get(name)
        tree[name] = below if isinstance(below, dict) else {}
        tree = tree[name]
    tree[path[-1]] = value


def _origin(key: KeyPath, sources: list[_Source]) -> str:
    return next((source.place(key) or "" for source in sources if key in source.values), "default")


def _problems(error: ValidationError, sources: list[_Source]) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        path = tuple(str(part) for part in problem["loc"] if part != "[key]")
        place = next((place for source in sources if (place := source.place(path))), "default")
        if problem["type"] in _UNKNOWN:
            yield f"{place}: {_unknown(path)}"
        else:
            yield f"{place}: wrong value of “{'.'.join(path)}”: {problem['msg'].removeprefix('Value error, ')}"


def _unknown(path: KeyPath) -> str:
    """A word alone is a table as likely as a key; one that is a table already was none to be set."""
    key, known = ".".join(path), [".".join(key) for key in known_keys(Settings)]
    tables = [name for name in Settings.model_fields if len(path) == 1 and name != key]
    near = difflib.get_close_matches(key, tables + known + _keys_beside(path), n=1, cutoff=0.5)
    return f"unknown key “{key}”" + (f"; did you mean “{near[0]}”?" if near else "")


def _keys_beside(path: KeyPath) -> list[str]:
    """Every key of the node that a wrong one is set for."""
    if path[0] != "nodes" or len(path) < 3:
        return []
    keys = known_keys(LinkSettings)
    return [".".join((*path[:2], *("import" if part == "imports" else part for part in key))) for key in keys]
