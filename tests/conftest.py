"""What every test can use, and the rule for third-party programs: a missing one is a skip, or fails the run."""

import shutil
from collections.abc import Callable, Generator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-interop",
        action="store_true",
        help="fail, rather than skip, a test whose third-party program is missing",
    )


@pytest.fixture
def program() -> Callable[[str], str]:
    """Find a program by its name: its path, or the end of the test."""

    def find(name: str) -> str:
        path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test marked soak runs where `-m` names the mark, and else not."""
    if "soak" in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


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
