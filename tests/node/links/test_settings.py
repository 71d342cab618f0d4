"""The table `nodes` of the settings: what is refused, and what the sentence says."""

from pathlib import Path

import pytest

from node.links.importing import rules_of
from node.links.settings import ImportSettings
from node.settings import SettingsError, load_settings

KEY = "ed25519:" + "ab" * 32
DIALLED = f'address = "a.example:4433"\nfingerprint = "{KEY}"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[nodes.local]\n" + DIALLED, "line 1: wrong value of “nodes.local”: “local” is this node itself"),
        ('[nodes." a"]\n' + DIALLED, "line 1: wrong value of “nodes. a”: A name has no control characters"),
        ('[nodes.b]\naddress = "a:1"', "line 1: wrong value of “nodes.b”: an address alone proves nothing: set finger"),
        ("[nodes.b]\n", "line 1: wrong value of “nodes.b”: this does nothing: set address and fingerprint to dial"),
        (
            "[nodes.b]\n" + DIALLED + "adress = 1",
            "line 4: unknown key “nodes.b.adress”; did you mean “nodes.b.addr",
        ),
        ('[nodes.b]\naddress = "a"', "line 2: wrong value of “nodes.b.address”: expected HOST:PORT"),
        ('[nodes.b]\naddress = "a:0"', "line 2: wrong value of “nodes.b.address”: a node is dialled at the port where"),
        ('[nodes.b]\nfingerprint = "x"', "line 2: wrong value of “nodes.b.fingerprint”: expected an ssh-ed25519 line"),
        (
            "[nodes.b.import]\n",
            "line 1: wrong value of “nodes.b.import.operations”: nothing is taken unless",
        ),
        (
            '[nodes.b.import]\noperations = ["/a/b"]',
            "line 2: wrong value of “nodes.b.import.operations.0”: expected",
        ),
        (
            '[nodes.b.import]\noperations = ["a b"]',
            "line 2: wrong value of “nodes.b.import.operations.0”: expected",
        ),
        (
            '[nodes.b.import]\noperations = ["*"]\nnamespace_prefix = "a*"',
            "line 3: wrong value of “nodes.b.import.namespace_prefix”: a prefix is put before names as it is",
        ),
        (
            '[nodes.b.import]\noperations = ["*"]\nprefix = "a"',
            "line 3: unknown key “nodes.b.import.prefix”; did you mean “nodes.b.import",
        ),
        ("nodes = 3", "line 1: wrong value of “nodes”: "),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "alknet.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(data=tmp_path)
    assert said in str(refused.value)


def test_the_table_has_an_origin_and_the_environment_has_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alknet.toml").write_text("[nodes.b]\n" + DIALLED)
    loaded = load_settings(data=tmp_path)
    assert (loaded.origins["nodes"], loaded.settings.nodes["b"].address) == ("alknet.toml line 1", "a.example:4433")
    monkeypatch.setenv("ALKNET_NODES", '{"c": {"import": {"operations": ["x/*"]}}}')
    loaded = load_settings(data=tmp_path)
    assert (loaded.origins["nodes"], list(loaded.settings.nodes)) == ("environment ALKNET_NODES", ["c"])


@pytest.mark.parametrize(
    ("patterns", "taken", "left"),
    [
        (("*",), ["math/add", "a/b/c"], ["services/list", "services/schema"]),
        (("math/*", "fs/read"), ["math/add", "math/a/b", "fs/read"], ["mathx/add", "fs/reads", "a/math/add", "fs/r"]),
        (("services/*",), [], ["services/list"]),
        (("a/[b]?",), ["a/[b]?"], ["a/b", "a/bc"]),
        (("*/x*y",), ["a/xy", "a/b/x1y"], ["a/xy1"]),
    ],
)
def test_patterns_are_whole_names_with_stars(patterns: tuple[str, ...], taken: list[str], left: list[str]) -> None:
    rules = rules_of(ImportSettings(operations=patterns))
    assert [name for name in taken + left if rules.takes(name)] == taken


def test_many_stars_do_not_take_for_ever() -> None:
    rules = rules_of(ImportSettings(operations=("a*" * 40 + "b/x",)))
    assert not rules.takes("a" * 250 + "/y")
