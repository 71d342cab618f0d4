"""What every test can use, and the rule for third-party programs: a missing one is a skip, or fails the run.

Here also the engine is chosen that this process tests: the stock one, unless an option says otherwise.
"""

import gc
import importlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import hypothesis
import pytest

from node.quic import accelerated
from tests.support import order


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-interop",
        action="store_true",
        help="fail, rather than skip, a test whose third-party program is missing",
    )
    parser.addoption(
        "--engine",
        default="stock",
        metavar="ENGINE",
        help="stock, accelerated, or the directory of a compiled engine that need not have passed its gate",
    )
    parser.addoption("--pictures", metavar="DIR", help="keep the pictures of the panel's pages there")
    parser.addoption(
        "--any-aioquic",
        action="store_true",
        help="let the engine's self-test pass whatever version is installed, as long as it has every name",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Before any test imports the engine. What is kept in a user's home goes to one of the tests' own."""
    home = tempfile.TemporaryDirectory(prefix="alknet-tests-")
    config.add_cleanup(home.cleanup)
    os.environ["XDG_CONFIG_HOME"] = home.name
    heed_signals()
    importlib.import_module("tests.support.examples")  # which has the profiles
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("plain")
    choose_engine(config.getoption("--engine"))
    if config.getoption("--any-aioquic"):
        accept_any_version()


def heed_signals() -> None:
    """What nohup, or a shell in the background, has us ignore would be ignored by all programs that tests start, too.

    A handler, unlike that, is not inherited.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def choose_engine(name: str) -> None:
    if name == "accelerated" and (objection := accelerated.find().objection) is not None:
        pytest.exit(f"--engine: {objection.value}", pytest.ExitCode.USAGE_ERROR)
    if name != "stock":
        accelerated.enter(accelerated.place() if name == "accelerated" else Path(name).resolve())


def accept_any_version() -> None:
    import aioquic

    from node.quic import selftest

    selftest.WANTED = aioquic.__version__


def pytest_report_header() -> str:
    import aioquic

    return f"engine: {accelerated.running()}, aioquic {aioquic.__version__}"


@pytest.fixture(scope="session")
def program() -> Callable[..., str]:
    """Find a program by its name, or the first of several that is there: its path, or the end of the test.

    One that was installed beside this Python comes first.
    """
    places = (str(Path(sys.executable).parent), None, "/usr/sbin")

    def find(*names: str) -> str:
        path = next(filter(None, (shutil.which(name, path=place) for name in names for place in places)), None)
        if path is None:
            pytest.skip(f"{names[0]} is not installed")
        return path

    return find


@pytest.fixture(scope="session")
def chromium(program: Callable[..., str]) -> str:
    """Without its windows where that is installed: it takes a sixth less of the processor."""
    return program("chromium-headless-shell", "chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test marked soak runs where `-m` names the mark, one marked pictures with --pictures, and else neither.

    Workers share the others out.
    """
    asked = {"soak": "soak" in config.getoption("markexpr"), "pictures": bool(config.getoption("--pictures"))}
    left_out = {item for item in items for mark, runs in asked.items() if not runs and item.get_closest_marker(mark)}
    if left_out:
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    if (workers := getattr(config, "workerinput", {}).get("workercount", 1)) > 1:
        items[:] = order.long_first(items, workers)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    return order.workers()


def pytest_collection_finish() -> None:
    """Thousands of tests stay to the end: the collector need not go through them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 10, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under --require-interop no test of a program may be skipped, whichever way it looked for it."""
    report = yield
    needs_program = any(item.get_closest_marker(name) for name in ("interop", "browser"))
    if report.skipped and needs_program and item.config.getoption("--require-interop"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason} (--require-interop)"
    return report


@pytest.fixture(scope="session")
def django_db_modify_db_settings_xdist_suffix() -> None:
    """Each of several workers has a data directory of its own, and in it a database of the name that it has in life."""
