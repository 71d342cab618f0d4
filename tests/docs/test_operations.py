"""docs/operations.md and docs/examples: what is shown there works, in a real node."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from node.assembly.operations import GROUP, add_installed
from node.client.home import default_identity, default_known_nodes
from node.client.known_nodes import KnownNodes
from node.core.identity import AuthContext, Identity
from node.handlers.call.admission import accept, admit
from node.handlers.call.errors import CallError, RegistrationError
from node.handlers.call.operation import Operation, OperationContext, OperationRegistry
from tests.support.appliance import environment
from tests.support.node_process import NodeProcess, peer_table, running

ROOT = Path(__file__).parents[2]
NOTE = {"title": "milk", "text": "two litres"}


def context() -> OperationContext:
    return OperationContext("1", None, AuthContext.anonymous(b"alknet/call"), None, None)


def shown(name: str) -> str:
    """The code of the page that is marked so."""
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(rf"<!-- {name} -->\n```python\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]


def module(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "example"}
    exec(code, names)
    return names


async def test_the_first_example_is_an_operation_in_fifteen_lines() -> None:
    assert len(shown("example").strip().splitlines()) <= 15
    example = module(shown("example"))
    registry = OperationRegistry(development=True)
    registry.register(example["add"])
    operation, caller = registry.get("math/add"), Identity("ann", ("math:use",))
    assert operation
    admit(operation, caller)
    accept(operation, {"numbers": [1, 2]}, caller)
    assert await operation.once({"numbers": [1, 2]}, context()) == 3
    with pytest.raises(CallError, match="FORBIDDEN"):
        admit(operation, Identity("bob"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package, installed as anybody would, apart from this environment."""
    place = tmp_path_factory.mktemp("installed")
    source = shutil.copytree(ROOT / "docs" / "examples" / "notes", place / "source")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    subprocess.run((*pip, "--target", str(place / "site"), str(source)), env=environment(), check=True)
    return place / "site"


async def test_the_example_package_serves_its_notes_from_a_real_node(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    table = peer_table(default_identity(), "ann").replace('scopes = ["a"]', 'scopes = ["notes:write"]')
    (tmp_path / "peers.toml").write_text(table)
    settings = {"ALKNET_NODE__PEERS_FILE": str(tmp_path / "peers.toml"), "ALKNET_CALL__CHECK_OUTPUTS": "true"}
    async with running(tmp_path / "data", PYTHONPATH=str(installed), **settings) as node:
        async with node.connect(default_identity()) as ann:
            assert await ann.call("notes/put", NOTE) == "ann"
        KnownNodes(default_known_nodes()).trust(node.facts["address"], node.facts["fingerprint"])
        await module(shown("client"))["main"](node.facts["address"])
        assert capsys.readouterr().out.splitlines() == [str(NOTE), "two litres", "none", "milk"]
        async with node.connect(tmp_path / "stranger") as stranger:
            assert await stranger.call("notes/get", {"title": "milk"}) == NOTE
            refused = [
                ("notes/get", {"title": "eggs"}, "NO_SUCH_NOTE", "no such note"),
                ("notes/get", {"title": ""}, "INVALID_INPUT", "$.title breaks the rule “minLength” of the schema"),
                ("notes/put", {}, "FORBIDDEN", "authentication required"),
            ]
            for operation, value, code, message in refused:
                with pytest.raises(CallError) as caught:
                    await stranger.call(operation, value)
                assert (caught.value.code, caught.value.message) == (code, message)
            listed = (await stranger.call("services/list"))["operations"]
            names = {one["name"]: one["op_type"] for one in listed}
            assert names["notes/get"] == "query"
            assert names["notes/all"] == "subscription"
            assert "notes/put" not in names
            with pytest.raises(CallError, match="NOT_FOUND: operation not found: notes/put"):
                await stranger.call("services/schema", {"name": "notes/put"})
            spec = await stranger.call("services/schema", {"name": "/notes/get"})
            assert [known["code"] for known in spec["error_schemas"]] == ["NO_SUCH_NOTE"]
            assert spec["input_schema"]["$defs"]["Wanted"]["required"] == ["title"]


def package(place: Path, name: str, code: str, target: str = "") -> None:
    """A package as an installer lays it down: a module, and metadata that name its entry point."""
    (place / f"{name}.py").write_text(code)
    metadata = place / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\nmine = {name}:{target or 'OPERATIONS'}\n")


GOOD = """
from node.handlers.call.decorator import query

@query("good/one")
async def one() -> int:
    return 1

@query("good/two")
async def two() -> int:
    return 2
"""


@pytest.mark.parametrize(
    ("name", "code", "names"),
    [
        ("single_op", GOOD + "OPERATIONS = one", ["good/one"]),
        ("list_of_ops", GOOD + "OPERATIONS = [one, two]", ["good/one", "good/two"]),
        ("factory_op", GOOD + "def OPERATIONS(): return one, two", ["good/one", "good/two"]),
    ],
)
def test_an_entry_point_gives_one_several_or_a_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, names: list[str]
) -> None:
    package(tmp_path, name, code)
    monkeypatch.syspath_prepend(tmp_path)
    registry = OperationRegistry()
    add_installed(registry)
    assert [operation.name for operation in registry] == names


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("no_import", "import a_module_that_nobody_has", "ModuleNotFoundError: No module named 'a_module_that"),
        ("no_name", "x = 1", "has no attribute 'OPERATIONS'"),
        ("raises_it", "def OPERATIONS(): raise ValueError('not today')", "ValueError: not today"),
        ("exits_it", "raise SystemExit(0)", "SystemExit: 0"),
        ("no_operation", "OPERATIONS = [3]", "it gives int, and not an Operation"),
        ("no_annotation", GOOD + "@query('a/b')\nasync def b(x) -> int: ...", "the parameter x is not annotated"),
        ("taken_name", GOOD + "OPERATIONS = one, one", "'good/one' is registered twice: rename one of the two"),
    ],
)
def test_a_broken_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, said: str
) -> None:
    package(tmp_path, name, code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RegistrationError) as caught:
        add_installed(OperationRegistry())
    assert str(caught.value).startswith(
        f"the package {name} is broken (entry point mine = {name}:OPERATIONS in {GROUP})"
    )
    assert said in str(caught.value)


async def echo(value: Any, _: OperationContext) -> Any:
    return value


def test_no_package_takes_the_place_of_what_every_node_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "usurper", GOOD.replace("good/one", "services/list") + "OPERATIONS = one")
    monkeypatch.syspath_prepend(tmp_path)
    registry = OperationRegistry()
    registry.register(Operation("services/list", echo))
    with pytest.raises(RegistrationError, match="usurper"):
        add_installed(registry)


def test_a_node_with_a_broken_package_does_not_start(tmp_path: Path) -> None:
    package(tmp_path, "broken_one", "import a_module_that_nobody_has")
    node = NodeProcess(tmp_path / "data", PYTHONPATH=str(tmp_path))
    try:
        assert node.process.wait(60) == 1
        assert "the package broken_one is broken" in node.text()
        assert "Traceback" not in node.text()
    finally:
        node.end()
