"""What a handler may use towards others leaks into nothing that is printed, copied, dumped or logged."""

import asyncio
import base64
import copy
import dataclasses
import inspect
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import structlog
from structlog import processors

from node.core.capabilities import NO_CAPABILITIES, Capabilities, Secret, SecretWiped
from node.log import configure_logging
from node.settings import LogSettings

CANARY = "sk-cånary-0123456789"
SPELLINGS = (
    CANARY,
    CANARY.encode().hex(),
    base64.b64encode(CANARY.encode()).decode(),
    repr(CANARY.encode()),
    json.dumps(CANARY)[1:-1],
    str(list(CANARY.encode())),
)


@dataclasses.dataclass
class Holder:
    """As an operation's context holds what it was given."""

    value: Any


def secret() -> Secret:
    return Secret(CANARY)


def capabilities() -> Capabilities:
    return Capabilities().with_api_key("openai", CANARY).with_http_token("github", CANARY)


def assert_silent(text: str) -> None:
    assert not [spelling for spelling in SPELLINGS if spelling in text]


def failed(value: Any) -> Exception:
    """An error out of a frame that holds it, raised while its inside was at work."""
    held = value  # noqa: F841 - a local variable, as a trace with values would show it
    try:
        raw = getattr(value, "_raw", value)
        raise RuntimeError(value, raw)
    except RuntimeError as error:
        return error


HELD = [pytest.param(secret, id="secret"), pytest.param(capabilities, id="capabilities")]


def test_a_secret_is_shown_to_who_asks_for_it_by_name() -> None:
    assert secret().expose_secret() == CANARY
    assert Secret("").expose_secret() == ""
    assert Secret("half \ud800").expose_secret() == "half \ud800"


@pytest.mark.parametrize("make", HELD)
@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        "{}".format,
        "{!r:>40}".format,
        lambda value: f"{value:}",
        lambda value: "%s %r" % (value, value),  # noqa: UP031 - the old way is shown too
        pprint.pformat,
        lambda value: repr(Holder(value)),
        lambda value: str([value, {"key": value}]),
        lambda value: json.dumps({"key": value}, default=str),
        lambda value: json.dumps({"key": value}, default=repr),
        lambda value: repr(dir(value)),
        lambda value: repr(inspect.getmembers(value)),
        lambda value: "".join(traceback.TracebackException.from_exception(failed(value), capture_locals=True).format()),
        *(
            lambda value, render=render: str(render(None, "info", {"held": value, "deep": [Holder(value)]}))
            for render in (processors.JSONRenderer(), processors.KeyValueRenderer(), structlog.dev.ConsoleRenderer())
        ),
    ],
)
def test_no_way_to_show_it_shows_it(make: Callable[[], Any], show: Callable[[Any], str]) -> None:
    value = make()
    assert_silent(show(value))


@pytest.mark.parametrize("make", HELD)
@pytest.mark.parametrize(
    "dump",
    [
        *(lambda value, protocol=protocol: pickle.dumps(value, protocol) for protocol in range(6)),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.msgpack.encode,
        msgspec.to_builtins,
        vars,
        bytes,
        list,
        dataclasses.asdict,
        lambda value: dataclasses.asdict(Holder(value)),
        lambda value: copy.deepcopy(Holder(value)),
        lambda value: pickle.dumps(Holder(value)),
        lambda value: msgspec.json.encode(Holder(value)),
        lambda value: msgspec.to_builtins(Holder(value)),
        lambda value: copy.replace(value) if hasattr(copy, "replace") else copy.copy(value),
        lambda value: value.__reduce__(),
        lambda value: value.__getstate__(),
    ],
)
def test_no_way_to_write_it_out_works(make: Callable[[], Any], dump: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as refused:
        dump(make())
    assert_silent(str(refused.value))


@pytest.mark.parametrize("make", HELD)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_log_of_it_in_any_place_shows_nothing(make: Callable[[], Any], form: Any) -> None:
    root, value = logging.getLogger(), make()
    handlers, level, stream = root.handlers, root.level, io.StringIO()
    try:
        configure_logging(LogSettings(format=form), stream)
        logger = logging.getLogger("test")
        logger.warning("message %s %r", value, value, extra={"held": value, "deep": {"held": [Holder(value)]}})
        try:
            raise RuntimeError("failed", value)
        except RuntimeError:
            logger.exception("failed", extra={"held": value})
    finally:
        root.handlers = handlers
        root.setLevel(level)
    assert "failed" in stream.getvalue()
    assert_silent(stream.getvalue())


def test_an_error_beside_it_shows_nothing() -> None:
    held = secret()
    try:
        held + 1  # type: ignore[operator]  # the mistake under test
    except TypeError as error:
        assert_silent("".join(traceback.format_exception(error)))
    with pytest.raises(TypeError) as refused:
        Secret(7)  # type: ignore[arg-type]  # the mistake under test
    assert_silent(str(refused.value))


def test_two_secrets_are_never_equal_by_value() -> None:
    assert secret() != secret()
    assert secret() != CANARY


def test_secrets_can_be_compared_without_being_shown() -> None:
    assert secret().matches(secret())
    assert not secret().matches(Secret(CANARY + "x"))
    wiped = secret()
    wiped.wipe()
    assert not wiped.matches(wiped)
    assert not secret().matches(wiped)


def test_a_wiped_secret_is_zero_and_gone_for_all_who_hold_it() -> None:
    held = secret()
    raw = held._raw
    held.wipe()
    held.wipe()
    assert raw == bytes(len(CANARY.encode()))
    with pytest.raises(SecretWiped, match="taken back"):
        held.expose_secret()
    assert_silent(repr(held))


def test_a_secret_that_nobody_holds_any_more_is_wiped() -> None:
    held = secret()
    raw = held._raw
    del held
    assert raw == bytes(len(CANARY.encode()))


def test_capabilities_give_the_api_key_first() -> None:
    one = Capabilities().with_http_token("openai", "token")
    both = one.with_api_key("openai", "key")
    assert [found and found.expose_secret() for found in (one.get("openai"), both.get("openai"))] == ["token", "key"]
    assert both.get("github") is None


def test_building_on_them_changes_nothing() -> None:
    first = Capabilities()
    second = first.with_api_key("a", "1")
    third = second.with_api_key("a", Secret("2"))
    assert (len(first), len(second), len(third)) == (0, 1, 1)
    found = second.get("a")
    assert found is not None
    assert found.expose_secret() == "1"
    assert repr(third) == "Capabilities(1)"


def test_a_wipe_takes_back_every_secret() -> None:
    held = capabilities()
    found = held.get("openai")
    held.wipe()
    assert found is not None
    with pytest.raises(SecretWiped):
        found.expose_secret()


def test_none_at_all_is_an_object_that_has_nothing() -> None:
    assert NO_CAPABILITIES
    assert len(NO_CAPABILITIES) == 0
    assert NO_CAPABILITIES.get("openai") is None


async def test_a_task_that_fails_with_it_in_its_hands_shows_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(held: Capabilities) -> None:
        raise RuntimeError(held)

    [error] = await asyncio.gather(fail(capabilities()), return_exceptions=True)
    logging.getLogger("test").error("task failed", exc_info=error)
    assert_silent(caplog.text)
