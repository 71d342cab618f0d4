"""Attackers, the node and honest peers in processes of their own: who is kept out, and what is held."""

import pytest

from bench.assailants import ASSAULTS
from bench.attacks import LEAST_RETRIED, MOST_CONNECT_S, MOST_MIB_ELSE
from tests.support.benches import judged, linux_only


def run_attacks(seconds, name):
    return judged("attacks", f"--seconds={seconds}", "--only", name)["attacks"][name]


@linux_only
def test_five_thousand_forged_initials_a_second_keep_nobody_out_and_hold_little():
    result = run_attacks(2, "initials")
    assert result["after"]["retried"] >= LEAST_RETRIED["initials"]
    assert result["after"]["half_open"] <= 120
    assert result["connect_max_s"] < MOST_CONNECT_S
    assert result["grown_mib"] < MOST_MIB_ELSE


@linux_only
@pytest.mark.soak
@pytest.mark.parametrize("name", ASSAULTS)
def test_honest_peers_hardly_notice(name):
    assert run_attacks(20, name)["p99_ratio"] < 5
