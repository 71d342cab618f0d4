"""What people and programs are shown of a call's error, and which inputs are none."""

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from node.cli.call import _show
from node.cli.call_inputs import input_value
from node.cli.call_outcome import DETAILS, run_calls
from node.handlers.call.errors import CallError


def outcome(error: CallError, capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> tuple[str, str]:
    async def fails() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        run_calls("node:1", fails(), as_json=as_json)
    assert caught.value.exit_code == 1
    return capsys.readouterr()


def test_the_details_of_an_error_are_shown_and_cut_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    error = CallError("NO_SUCH_NOTE", "no such note", details={"title": "é"})
    assert outcome(error, capsys) == ("", 'alknet: NO_SUCH_NOTE: no such note {"title": "é"}\n')
    large = CallError("A", "b", details="x" * 10_000)
    assert len(outcome(large, capsys)[1]) < DETAILS + 50
    assert json.loads(outcome(large, capsys, as_json=True)[0])["error"]["details"] == "x" * 10_000


def test_nothing_that_a_node_says_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    said = "red\x1b[31m\x9b31m\u202e\nalknet: fine"
    assert outcome(CallError("A", said, details=said), capsys)[1].strip().isprintable()
    _show({said: said})
    shown = capsys.readouterr().out
    assert all(line.isprintable() for line in shown.splitlines())
    assert json.loads(shown) == {said: said}


@pytest.mark.parametrize("text", ["{", "NaN", "[-Infinity]", "[" * 100_000, '"\udcff"', ""])
def test_what_is_no_json_is_refused_as_such(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught:
        input_value(text)
    assert caught.value.exit_code == 2
    assert capsys.readouterr().err.startswith("alknet: JSON: ")


@pytest.mark.parametrize(("data", "value"), [('"é"'.encode(), "é"), (b'"\xe9"', None)])
def test_the_standard_input_is_utf_8(data: bytes, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    if value is None:
        with pytest.raises(typer.Exit):
            input_value("-")
    else:
        assert input_value("-") == value
