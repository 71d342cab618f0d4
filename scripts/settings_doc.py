"""Print docs/settings.md, made from the settings' own model: python scripts/settings_doc.py > docs/settings.md"""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from node.handlers.sftp.limits import BucketSettings
from node.links.settings import LinkSettings
from node.settings import Settings, is_live, variable_name
from node.toml_lines import KeyPath

HEADING = """\
# Settings

Made by `python scripts/settings_doc.py > docs/settings.md`; a test holds it to the model.

Each key can be set in the settings file (`DIR/alknet.toml`, or the file that `--config` or `ALKNET_CONFIG` names) or by
a variable of the environment: `panel.listen` is the key `listen` of the table `[panel]`, and `ALKNET_PANEL__LISTEN`. A
list in the environment has commas. An option of the command beats the environment, which beats the file, which beats
the default. A key that is unknown or wrong stops the start, named with its place and the nearest key that exists.
`alknet config show` prints what the next start would use, and where each value is from.

A running node follows the settings file: about two seconds after a change, or at once on SIGHUP, the keys marked
"yes" under "live" hold for whatever is decided next. Connections that are open keep the limits that they began with.
The other keys need a restart, and the node's log names them. The panel follows nothing: `log.level` is live for the
node, and the panel takes it at its next start. A file that is wrong changes nothing, and the log says what is wrong
with it, and in which line. SIGHUP is for `alknet node` alone: `alknet up` ends on it, as programs do whose terminal is
closed, unless `nohup` started it. There, change the file and wait.

No setting is a secret. Secrets are files below `DIR/secrets`, made on first start with mode 0600.
"""
AFTER: dict[str, tuple[str | type[BaseModel], ...]] = {
    "node": (
        """
What is in the file that `node.peers_file` names. A node reads it when it starts and again on SIGHUP; one that is wrong
changes nothing then. Both kinds of table can be left out, and so can `scopes`.

```toml
[[peers]]
peer_id = "laptop"
fingerprints = ["ed25519:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"]    # see `alknet id`
scopes = ["demo:read"]

[[api_keys]]
prefix = "alk_1a2b"
hash = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"    # of the whole key
scopes = ["demo:read"]
```""",
    ),
    "capabilities": (
        """
A protocol that is not named here may use no credential; a provider without a stored credential gives it nothing until
there is one. See [the vault](vault.md#what-a-handler-may-use).

```toml
[capabilities]
"alknet/call" = ["openai", "github"]
```

In the environment the table is JSON: `ALKNET_CAPABILITIES='{"alknet/call": ["openai", "github"]}'`. The strongest
source that has the table has all of it.""",
    ),
    "nodes": (
        """
Each node is a table, by a name of your choosing; one without an address is waited for, and is called as the list of
peers calls it. Why and how is in [operations of other nodes](operations.md#operations-of-other-nodes).

```toml
[nodes.worker-a]
address = "worker-a.example:4433"
fingerprint = "ed25519:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"    # see `alknet status` there

[nodes.worker-a.import]
operations = ["math/*", "fs/read"]
```

In the environment the table is JSON, as that of `capabilities` is; the strongest source that has it has all of it. A
node that is new in the file is dialled, one that is gone is left, and a changed one is left and dialled anew.
""",
        LinkSettings,
    ),
    "sftp": (
        """
Each bucket is a table, by the name that peers see; who may read and write which is said with the peers. See
[files](sftp.md).

```toml
[sftp.buckets.photos]
directory = "/srv/alknet/photos"
quota_bytes = 10_000_000_000
umask = 0o027
```

In the environment the table is JSON, as that of `capabilities` is; the strongest source that has it has all of it. The
keys of one bucket:
""",
        BucketSettings,
    ),
}
"""What is said of a section below its table; of a model, the keys that each of its tables has."""
_BOUNDS = ((Ge, "ge", "at least"), (Gt, "gt", "more than"), (Le, "le", "at most"), (Lt, "lt", "less than"))


def main() -> None:
    print(document(), end="")


def document() -> str:
    """The whole text of docs/settings.md."""
    own = [(("data",), Settings.model_fields["data"], "")]
    sections = {name: field.annotation for name, field in Settings.model_fields.items() if name != "data"}
    parts = [
        HEADING,
        "## The data directory\n",
        _table(own, default="./data"),
        "\nOnly `--data` or `ALKNET_DATA` set it.\n",
    ]
    for name, kind in sections.items():
        parts += [f"\n## `[{name}]`\n", _table(_rows(name, kind)), *map(_after, AFTER.get(name, ()))]
    return "\n".join(parts)


def _after(said: str | type[BaseModel]) -> str:
    return said if isinstance(said, str) else "\n".join(["| key | default | meaning |", "|---|---|---|", *_keys(said)])


def _keys(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """A row for each key of a table, and of the tables in it."""
    texts = _attribute_texts(model)
    for name, field in model.model_fields.items():
        key, below = f"{above}{field.alias or name}", _model_in(field.annotation)
        shown = "" if field.is_required() or field.default in (None, ()) else f"`{json.dumps(field.default)}`"
        yield f"| `{key}` | {shown} | {_meaning(texts[name], field)} |"
        if below is not None:
            yield from _keys(below, f"{key}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    kinds = get_args(annotation) or (annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _meaning(text: str, field: FieldInfo) -> str:
    meaning, bounds = " ".join(text.split()).removesuffix("."), _bounds(field)
    return f"{meaning} ({bounds})" if meaning and bounds else meaning or bounds


def _rows(section: str, model: Any) -> Iterator[tuple[KeyPath, FieldInfo, str]]:
    """A table of names is one setting; any other has one for each of its model's fields, and of those of its tables."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        field = Settings.model_fields[section]
        yield (section,), field, field.description or ""
        return
    yield from _fields((section,), model)


def _fields(above: KeyPath, model: type[BaseModel]) -> Iterator[tuple[KeyPath, FieldInfo, str]]:
    texts = _attribute_texts(model)
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _fields((*above, name), field.annotation)
        else:
            yield (*above, name), field, field.description or texts.get(name, "")


def _table(
    rows: Iterator[tuple[KeyPath, FieldInfo, str]] | list[tuple[KeyPath, FieldInfo, str]], default: str = ""
) -> str:
    lines = ["| key | variable | default | live | meaning |", "|---|---|---|---|---|"]
    for path, field, text in rows:
        shown = default or json.dumps(field.default, default=str)
        told = _meaning(text or field.description or "", field)
        follows = "yes" if is_live(path) else "no"
        lines.append(f"| `{'.'.join(path)}` | `{variable_name(path)}` | `{shown}` | {follows} | {told} |")
    return "\n".join(lines)


def _bounds(field: FieldInfo) -> str:
    found = [
        f"{word} {getattr(bound, name):g}"
        if isinstance(getattr(bound, name), float)
        else f"{word} {getattr(bound, name)}"
        for kind, name, word in _BOUNDS
        for bound in field.metadata
        if isinstance(bound, kind)
    ]
    return ", ".join(found)


def _attribute_texts(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field in the source: models that carry no descriptions are documented there."""
    [cls] = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(cls, ast.ClassDef)
    texts = {}
    for field, below in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            texts[ast.unparse(field.target)] = str(below.value.value)
    return texts


if __name__ == "__main__":
    main()
