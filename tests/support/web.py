"""A real web process, `manage.py serve`, on a free loopback port."""

import json
import socket
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.support import warm
from tests.support.appliance import environment

MANAGE = Path(__file__).parents[2] / "manage.py"
SECONDS = 60


class Web:
    """A running web process and the supervisor's end of its lifeline."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.lifeline, theirs = socket.socketpair()
        with theirs, (data.parent / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [warm.python(), MANAGE, "serve", "--ready-fd", str(theirs.fileno())],
                env=environment(ALKNET_DATA=str(data), ALKNET_PANEL__LISTEN="127.0.0.1:0", **settings),
                pass_fds=[theirs.fileno()],
                stdout=log,
                stderr=log,
            )
        self.lifeline.settimeout(SECONDS)
        with self.lifeline.makefile("rb") as lines:
            line = lines.readline()
        assert line, self.log()
        self.url = "http://" + json.loads(line)["address"]

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and body; redirects are not followed."""
        request = urllib.request.Request(self.url + path, headers=headers)
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=SECONDS) as response:
                return response.status, dict(response.headers), response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read().decode()

    @property
    def setup_url(self) -> str:
        token = (self.data / "secrets" / "setup_token").read_text()
        return f"{self.url}/setup/{token}/"

    def log(self) -> str:
        return (self.data.parent / "web.log").read_text()

    def end(self) -> None:
        self.lifeline.close()
        if self.process.poll() is None:
            warm.kill(self.process)
        self.process.wait()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None
