"""The start-up check of the engine."""

import subprocess
import sys

import aioquic
import pytest
from aioquic import tls
from pydantic import ValidationError

from node.quic import selftest
from node.quic.limits import QuicLimits
from node.quic.selftest import WANTED, EngineMismatch, check_engine, missing_names


def test_the_installed_engine_is_the_wanted_one():
    check_engine()
    assert missing_names() == []


def test_another_version_is_refused_with_both_numbers(monkeypatch):
    monkeypatch.setattr(aioquic, "__version__", "1.3.0")
    with pytest.raises(EngineMismatch, match=rf"1\.3\.0 is installed, {WANTED} is needed") as caught:
        check_engine.__wrapped__()
    assert (caught.value.found, caught.value.wanted) == ("1.3.0", WANTED)


@pytest.mark.parametrize(
    ("holder", "name"),
    [
        ("QuicConnection", "_write_stream_limits"),
        ("QuicConnection", "_alpn_handler"),
        ("QuicConnection", "_replenish_connection_ids"),
        ("QuicPacketSpace", "largest_acked_packet"),
        ("CryptoPair", "key_phase"),
    ],
)
def test_a_missing_private_name_is_refused_by_its_name(monkeypatch, holder, name):
    """By a subclass, for the classes of a compiled engine cannot be changed."""
    original = getattr(selftest, holder)

    class Without(original):
        def __getattribute__(self, asked):
            if asked == name:
                raise AttributeError(asked)
            return super().__getattribute__(asked)

    monkeypatch.setattr(selftest, holder, Without)
    with pytest.raises(EngineMismatch, match=name):
        check_engine.__wrapped__()


def test_a_flag_that_is_no_longer_set_is_refused(monkeypatch):
    """The one name whose loss would make every client anonymous."""
    original = tls.Context.__init__

    def forgetful(self, *args, **kwargs):
        original(self, *args, **kwargs)
        del self._request_client_certificate

    monkeypatch.setattr(tls.Context, "__init__", forgetful)
    with pytest.raises(EngineMismatch, match="_request_client_certificate"):
        check_engine.__wrapped__()


def test_the_limits_load_without_the_engine():
    code = "import sys, node.quic.limits; sys.exit(any(name.startswith('aioquic') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "wrong",
    [{"idle_timout": 3}, {"stream_window": 0}, {"idle_timeout": -1}, {"max_streams": 0}, {"max_connections": 0}],
)
def test_unknown_and_senseless_limits_are_refused(wrong):
    with pytest.raises(ValidationError):
        QuicLimits(**wrong)


def test_the_defaults_are_those_of_the_specification():
    limits = QuicLimits()
    assert (limits.idle_timeout, limits.handshake_timeout) == (30, 10)
    assert (limits.max_streams, limits.max_connections_per_address) == (100, 100)
