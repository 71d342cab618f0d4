"""Commands, variables and windows: the parts that are pure."""

import shlex

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from node.handlers.ssh.channel import LEAST_WINDOW, WINDOW, window_of
from node.handlers.ssh.command import MAX_COMMAND, MAX_WORDS, NoCommand, parse_command, program_of
from node.handlers.ssh.environment import admitted
from node.handlers.ssh.limits import SshSettings
from node.handlers.ssh.words import split_words


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1), min_size=1))
def test_words_that_were_quoted_come_out_as_they_were(words: list[str]) -> None:
    assert parse_command(shlex.join(words)).words == tuple(words)


@settings(max_examples=300)
@given(st.text("ab'\"\\ \t\n\x0b\u00a0#;$*é", max_size=12))
@example("a'b'\"c\\\"d\\e\"\\f ''")
def test_a_line_is_taken_apart_as_shlex_does_it(text: str) -> None:
    try:
        expected = tuple(shlex.split(text))
    except ValueError:
        with pytest.raises(ValueError, match="no end"):
            split_words(text, 100)
    else:
        assert split_words(text, 100) == expected


@pytest.mark.parametrize(
    "text", ["", "  ", "'", '"', "a \\", "a\0b", "''", "x" * (MAX_COMMAND + 1), "x " * (MAX_WORDS + 1), "\\x" * 9000]
)
def test_what_has_no_words_is_refused(text: str) -> None:
    with pytest.raises(NoCommand):
        parse_command(text)


def test_a_program_is_named_by_its_path_or_the_last_part_of_it() -> None:
    programs = ("/usr/bin/git-upload-pack", "/opt/a/run")
    for text, path in [("run x", "/opt/a/run"), ("/opt/a/run", "/opt/a/run"), ("a/run", None), ("/opt/b/run", None),
                       ("/opt/a/../a/run", None), ("git", None), ("/opt/a/run/", None)]:  # fmt: skip
        assert program_of(parse_command(text), programs) == path
    assert parse_command("/opt/a/run secret").scope == "ssh:exec:run"
    assert parse_command("/ secret").scope == "ssh:exec:"
    assert "secret" not in parse_command("\x1b[2J secret").shown + parse_command("run secret").shown


@pytest.mark.parametrize("programs", [["run"], ["./run"], ["/"], ["/a/x", "/b/x"], ["/a/x:y"], ["/a/*"], ["/a/x\0"]])
def test_programs_that_no_scope_could_tell_apart_are_no_settings(programs: list[str]) -> None:
    with pytest.raises(ValidationError):
        SshSettings(programs=tuple(programs))
    with pytest.raises(ValidationError):
        SshSettings(host_key="key")


def test_only_locales_and_gits_version_are_taken() -> None:
    assert admitted(b"LC_ALL", b"de_DE.UTF-8@euro") == ("LC_ALL", "de_DE.UTF-8@euro")
    assert admitted(b"GIT_PROTOCOL", b"version=2") is not None
    for name, value in [(b"LD_PRELOAD", b"x"), (b"LC_ALL", b"../x"), (b"LANG", b"a\nb"), (b"LANG", b"x" * 256),
                        (b"LC_", b"x"), (b"LANGX", b"x"), (b"LANG", b"\xff"), (b"LOCPATH", b"x")]:  # fmt: skip
        assert admitted(name, value) is None


@settings(max_examples=30)
@given(st.integers(1 << 20, 1 << 26), st.integers(1, 300))
def test_windows_are_whole_for_a_few_and_never_more_than_there_is(most: int, sessions: int) -> None:
    left, windows = most, []
    for number in range(sessions):
        if window := window_of(left, sessions - number - 1):
            windows.append(window)
            left -= window
    assert sum(windows) <= most
    assert len(windows) == min(sessions, most // LEAST_WINDOW)
    assert max(windows) <= WINDOW
    assert min(windows) >= LEAST_WINDOW
    assert windows == sorted(windows, reverse=True)
