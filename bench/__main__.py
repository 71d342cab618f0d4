"""The command line of the benchmarks. Figures are keyed by name and unit; everything else goes to stderr."""

import argparse
import json
import sys
from collections.abc import Sequence

from bench import (
    abort,
    attacks,
    audit,
    call,
    engine,
    fuzz,
    hold,
    journal,
    kills,
    load,
    panel,
    propagation,
    resolve,
    revocation,
    scrape,
    soak,
    ssh,
    vault,
)

_MODULES = (
    propagation,
    revocation,
    resolve,
    load,
    journal,
    engine,
    attacks,
    soak,
    vault,
    call,
    abort,
    fuzz,
    hold,
    kills,
    audit,
    scrape,
    panel,
    ssh,
)
BENCHES = {module.NAME: module for module in _MODULES}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, module in BENCHES.items():
        summary = (module.__doc__ or "").partition("\n")[0]
        module.add_options(commands.add_parser(name, help=summary, description=module.__doc__))
    options = parser.parse_args(arguments)
    result = BENCHES[options.name].run(options)
    print(json.dumps({"bench": options.name, **result}))
    return 1 if result.get("failures") else 0


if __name__ == "__main__":
    sys.exit(main())
