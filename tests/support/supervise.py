"""A supervisor over two fake children. Run as `python -m tests.support.supervise DATA GRACE_SECONDS PYTHON`."""

import asyncio
import sys
from pathlib import Path

from node.cli.supervisor.appliance import Programs, run_appliance
from node.cli.supervisor.keeper import ChildFailed
from node.cli.supervisor.lock import AlreadyRunning, instance_lock
from node.cli.supervisor.ready import announce
from node.settings import load_settings


def main(data: Path, grace: float, python: str) -> None:
    listen = {"panel.listen": "127.0.0.1:0", "node.listen": "0.0.0.0:0"}
    settings = load_settings(data=data, overrides=listen).settings
    programs = Programs(
        web=(python, "-m", "tests.support.fake_child", "web"),
        node=(python, "-m", "tests.support.fake_child", "node"),
        environment={
            "ALKNET_DATA": str(data),
            "ALKNET_PANEL__LISTEN": settings.panel.listen,
            "ALKNET_NODE__LISTEN": settings.node.listen,
        },
    )
    try:
        with instance_lock(settings.paths.run / "supervisor.lock"):
            asyncio.run(run_appliance(settings, programs, announce=lambda ready: announce(ready, data), grace=grace))
    except (ChildFailed, AlreadyRunning) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
