"""A process that holds a vault keeps its memory to itself."""

import subprocess
import sys

import pytest

PROBE = """
import ctypes, resource
from node.custody.memory import keep_to_ourselves
keep_to_ourselves()
PR_GET_DUMPABLE = 3
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs prctl")
def test_it_writes_no_core_file_and_is_not_to_be_traced() -> None:
    ran = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert ran.stdout == "(0, 0) 0\n"
