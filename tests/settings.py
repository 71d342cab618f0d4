"""The appliance's own settings over a data directory of this test run: a real file, as in life, never :memory:."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_DATA = Path(tempfile.mkdtemp(prefix="alknet-tests-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)

# Only while the settings are read: what a developer or another test sets must not leak in, nor this leak out.
_environment = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("ALKNET_")}
os.environ["ALKNET_DATA"] = str(_DATA)
try:
    from alknet_site.settings import *  # noqa: F403 - all of it, and the changes below
    from alknet_site.settings import DATABASES
finally:
    del os.environ["ALKNET_DATA"]
    os.environ.update(_environment)

DATABASES["default"]["ENGINE"] = "tests.support.sqlite"
DATABASES["default"]["TEST"] = {"NAME": _DATA / "alknet.db"}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests sign in often
WHITENOISE_AUTOREFRESH = True  # each client of a test would look through all files that might be asked for
STEP_UP_SECONDS = None  # what takes a fresh proof is tested by itself
ALLOWED_HOSTS = ["testserver", "localhost"]
