"""Reads the settings from their sources, one by one, to know of each key where its value is from.

Whatever is unknown or wrong is told by its name and its place.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource

from node.core.paths import DataPaths
from node.links.settings import LinkSettings
from node.settings.model import ENVIRONMENT_PREFIX, Settings, known_keys
from node.settings.values import absolute
from node.toml_lines import KeyPath, key_lines

CONFIG_VARIABLE = "ALKNET_CONFIG"
DATA_VARIABLE = "ALKNET_DATA"
MAX_CONFIG_FILE = 256 * 1024
"""Longest settings file that is read, in bytes."""

_EMPTY: Mapping[str, Any] = MappingProxyType({})
_OPEN_TABLES = frozenset({("capabilities",), ("nodes",), ("live", "layer_options"), ("sftp", "buckets")})
"""Tables whose keys are names: each table is one setting, and the strongest source that has it has all of it."""
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


class SettingsError(Exception):
    """The settings cannot be used. One line for each problem: its place, the key, and what would be right."""


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
        return DataPaths(absolute(Path(data))).config_file
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
