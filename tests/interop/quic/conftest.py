"""The makes of client that every case is held against."""

import logging

import pytest

from tests.support.callers import GtlsClient, Ours, Qh3
from tests.support.foreign import gtlsserver
from tests.support.http3 import forbearing

MAKES = {"ours": Ours, "gtlsclient": GtlsClient, "qh3": Qh3}


def pytest_generate_tests(metafunc):
    if "make" in metafunc.fixturenames:
        wanted = metafunc.definition.get_closest_marker("makes")
        names = wanted.args if wanted else tuple(MAKES)
        marks = {name: () if name == "ours" else pytest.mark.interop for name in names}
        metafunc.parametrize("make", [pytest.param(name, marks=marks[name]) for name in names], indirect=True)


@pytest.fixture
def make(request, monkeypatch, tmp_path):
    """Gives a client of one make for a server of ours; ends the test where the make is missing."""
    if request.param == "gtlsclient":
        request.getfixturevalue("program")("gtlsclient")
    if request.param == "qh3":
        pytest.importorskip("qh3")
    forbearing(monkeypatch)
    return lambda server: MAKES[request.param](server, tmp_path)


@pytest.fixture
def foreign(program, tmp_path, monkeypatch):
    """Start a foreign server with these options."""
    path = program("gtlsserver")
    forbearing(monkeypatch)
    return lambda *options: gtlsserver(path, tmp_path, *options)


@pytest.fixture(autouse=True)
def nothing_breaks(caplog):
    """Whatever the network does, no connection fails inside the engine."""
    with caplog.at_level(logging.ERROR, logger="node"):
        yield
    ours = [record for record in caplog.records if record.name.split(".")[0] == "node"]
    assert [record.getMessage() for record in ours if record.levelno >= logging.ERROR] == []
