"""Hostile bytes for the frame reader and the envelope decoder of calls: mutated valid frames, and random bytes.

Input number i is made of the seed S + i alone, so a failure is repeated by `--seed ITS_SEED --inputs 1`. Allowed are a
value, and the errors that are documented: FrameError, EnvelopeError, and CallError where an input is read. Anything
else that is raised is a failure, and so are bytes charged that never came or are not given back, and memory that grows
by more than `--growth-mib` at its peak. The seeds of failures are in the result, and on stderr as they occur.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from collections import Counter
from typing import Any

from bench.fuzz_inputs import Chunks, chunks_of
from bench.memory import peak
from node.handlers.call import envelope as events
from node.handlers.call.budget import ByteBudget
from node.handlers.call.charge import Charge
from node.handlers.call.envelope import Envelope, EnvelopeError
from node.handlers.call.errors import CallError
from node.handlers.call.frames import FrameError, FrameReader
from node.handlers.call.limits import MAX_FRAME

NAME = "fuzz"
MAX_INPUT = 1024
"""Bytes of the input of a request that are read: less than some of them have."""

MOST_FAILURES = 20
"""After so many the run ends."""

INPUTS_PER_TURN = 32
"""Nothing here ever waits, and the loop drops timers that were cancelled only when it has its turn."""

WARM = 1000
"""Inputs before memory is watched."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, help="of the first input; else made up")
    parser.add_argument("--growth-mib", type=int, default=8, help="that memory may grow at its peak")


def run(options: argparse.Namespace) -> dict[str, Any]:
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seeds {seed} to {seed + options.inputs - 1}", file=sys.stderr)
    fuzz = Fuzz()
    before = time.perf_counter()
    asyncio.run(fuzz.run(seed, options.inputs))
    if fuzz.growth > options.growth_mib * 1024 * 1024:
        fuzz.failures.append({"seed": seed, "error": f"memory grew by {fuzz.growth} bytes"})
    return {
        "inputs": sum(fuzz.outcomes.values()),
        "seed": seed,
        "seconds": round(time.perf_counter() - before, 1),
        "outcomes": dict(sorted(fuzz.outcomes.items())),
        "growth_mib": round(fuzz.growth / 1024 / 1024, 2),
        "slowest_ms": round(fuzz.slowest * 1e3, 1),
        "failures": fuzz.failures,
    }


class Fuzz:
    """`outcomes` counts how inputs ended; `growth` is in bytes, `slowest` in seconds for one input."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failures: list[dict[str, Any]] = []
        self.growth = 0
        self.slowest = 0.0

    async def run(self, seed: int, inputs: int) -> None:
        base = 0
        for number in range(inputs):
            if number == min(WARM, inputs // 2):
                base = peak()
            before = time.perf_counter()
            self.outcomes[await self._outcome(seed + number)] += 1
            self.slowest = max(self.slowest, time.perf_counter() - before)
            if number % INPUTS_PER_TURN == 0:
                await asyncio.sleep(0)
            if len(self.failures) >= MOST_FAILURES:
                break
        self.growth = peak() - base

    async def _outcome(self, seed: int) -> str:
        try:
            await consume(chunks_of(random.Random(seed)))
        except (FrameError, EnvelopeError) as error:
            return type(error).__name__
        except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
            self.failures.append({"seed": seed, "error": repr(error)[:200]})
            print(f"seed {seed}: {error!r:.200}", file=sys.stderr)
            return "failed"
        return "read"


async def consume(chunks: list[bytes]) -> None:
    """Read frames and what is in them as a connection does, up to the end or the first error."""
    size, budget = sum(map(len, chunks)), ByteBudget(MAX_FRAME)
    reader, charge = FrameReader(Chunks(chunks), max_frame=MAX_FRAME, stall_timeout=30.0), Charge(budget)
    try:
        while (body := await reader.read(charge)) is not None:
            if budget.used > size:
                raise AssertionError(f"{budget.used} bytes are charged of {size}")
            _look_into(events.decode(body))
    finally:
        charge.release()
        if budget.used:
            raise AssertionError(f"{budget.used} bytes were not given back")


def _look_into(event: Envelope) -> None:
    """Every reading of a payload, whatever the type says: none may raise but what it documents."""
    request = events.parse_request(event.payload)
    with contextlib.suppress(CallError):
        events.read_input(request.input, MAX_INPUT)
    events.read_output(event.payload.output)
    events.parse_error(event.payload)
