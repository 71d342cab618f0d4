"""Ids of requests are UUIDs of version 4, each given once, whoever forks."""

import subprocess
import sys
import uuid

from node.handlers.call.request_id import fresh_id

FORKING = """
import os, sys
from node.handlers.call.request_id import fresh_id
fresh_id()
child = os.fork()
sys.stdout.write(fresh_id() + "\\n")
sys.stdout.flush()
if child:
    os.waitpid(child, 0)
"""


def test_each_is_another_uuid_of_version_4() -> None:
    found = [fresh_id() for _ in range(2000)]
    assert len(set(found)) == 2000
    read = [uuid.UUID(one) for one in found]
    assert [str(one) for one in read] == found
    assert all((one.version, one.variant) == (4, uuid.RFC_4122) for one in read)
    assert {one[19] for one in found} == set("89ab")
    for place in (*range(8), *range(9, 13), *range(15, 18), *range(20, 23), *range(24, 36)):
        assert len({one[place] for one in found}) == 16, f"digit {place} does not vary"


def test_the_child_of_a_fork_gives_others() -> None:
    told = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=60, check=True)
    assert len(set(told.stdout.split())) == 2
