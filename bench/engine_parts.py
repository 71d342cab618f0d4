"""The parts of the engine bench: what is measured of one engine in one round. CPU times are of the server."""

from bench.engine_ends import Ends

Figures = dict[str, float]
"""Keyed by name and unit. A MB has 10^6 bytes."""

AT_ONCE = 16
"""Requests under way at any time."""


async def warm_up(ends: Ends) -> None:
    """Whatever an engine does once, it does now: imports, the first growth of the heap. The connections stay."""
    await ends.connect(4)
    await ends.drive("request 20")


async def connections(ends: Ends, count: int) -> Figures:
    """Handshakes eight at once, and the resident memory that the connections hold when idle."""
    before = await ends.serve("memory")
    handshakes = await ends.connect(count)
    memory = await ends.serve("memory") - before
    if memory <= 0:
        raise SystemExit("too few connections to see their memory")
    await ends.release()
    return {"handshake_ms": handshakes / 1e6 / count, "idle_kib": memory / 1024 / count}


async def transfers(ends: Ends, size: int) -> Figures:
    """So many bytes each way, each on a connection of its own."""
    figures: Figures = {}
    megabytes = size / 1e6
    for direction in ("upload", "download"):
        await ends.connect(1)
        spent, took = await ends.drive(f"{direction} {size}")
        figures[f"{direction}_ms_per_mb"] = spent / 1e6 / megabytes
        figures[f"{direction}_mb_s"] = megabytes / (took / 1e9)
    return figures


async def requests(ends: Ends, count: int) -> Figures:
    """64 bytes each way on a new stream, one after the other."""
    await ends.connect(1)
    spent, took = await ends.drive(f"request {count}")
    return {"request_us": spent / 1e3 / count, "requests_s": count / (took / 1e9)}


async def requests_at_once(ends: Ends, count: int) -> Figures:
    """The same, with sixteen under way at any time."""
    spent, took = await ends.drive(f"request {count} {AT_ONCE}")
    return {"request_at_once_us": spent / 1e3 / count, "requests_at_once_s": count / (took / 1e9)}


async def closing(ends: Ends, crowd: int, closed: int) -> Figures:
    """The CPU of closing one of many connections, until nothing is left of it: the mean over `closed` of them."""
    await ends.connect(crowd)
    before = await ends.serve("cpu")
    await ends.close(closed)
    return {"close_ms": (await ends.serve("cpu") - before) / 1e6 / closed}
