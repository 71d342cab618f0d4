"""The parts of the engine bench, in steps: what is measured of one engine at a time. CPU times are of the server."""

from collections.abc import Awaitable, Callable

from bench.engine_ends import Ends
from bench.engine_plan import Plan
from bench.engine_side import Side

Figures = dict[str, float]
"""Keyed by name and unit. A MB has 10^6 bytes."""

Step = Callable[[Ends, Side, Plan], Awaitable[Figures]]

AT_ONCE = 16
"""Requests under way at any time."""


async def warm_up(ends: Ends) -> None:
    """Whatever an engine does once, it does now: imports, the first growth of the heap. The connections stay."""
    await ends.connect(4)
    await ends.drive("request 20")


async def connections(ends: Ends, side: Side, plan: Plan) -> Figures:
    """Handshakes eight at once, and the resident memory that the connections hold when idle."""
    count = plan.connections
    before = await ends.serve("memory")
    handshakes = await ends.connect(count)
    memory = await ends.serve("memory") - before
    if memory <= 0:
        raise SystemExit("too few connections to see their memory")
    await ends.release()
    return {"handshake_ms": handshakes / 1e6 / count, "idle_kib": memory / 1024 / count}


async def upload(ends: Ends, side: Side, plan: Plan) -> Figures:
    return await _transfer(ends, "upload", plan.transfer)


async def download(ends: Ends, side: Side, plan: Plan) -> Figures:
    return await _transfer(ends, "download", plan.transfer)


async def requests(ends: Ends, side: Side, plan: Plan) -> Figures:
    """64 bytes each way on a new stream, one after the other."""
    await ends.connect(1)
    spent, took = await ends.drive(f"request {plan.requests}")
    return {"request_us": spent / 1e3 / plan.requests, "requests_s": plan.requests / (took / 1e9)}


async def requests_at_once(ends: Ends, side: Side, plan: Plan) -> Figures:
    """The same on the same connection, with sixteen under way at any time."""
    if not side.has_streams:
        return {}
    spent, took = await ends.drive(f"request {plan.requests} {AT_ONCE}")
    return {
        "request_at_once_us": spent / 1e3 / plan.requests,
        "requests_at_once_s": plan.requests / (took / 1e9),
    }


async def loopback_upload(ends: Ends, side: Side, plan: Plan) -> Figures:
    return await _loopback_transfer(ends, "upload", side, plan)


async def loopback_download(ends: Ends, side: Side, plan: Plan) -> Figures:
    return await _loopback_transfer(ends, "download", side, plan)


async def closing(ends: Ends, crowd: int, closed: int) -> Figures:
    """The CPU of closing one of many connections, until nothing is left of it: the mean over `closed` of them."""
    await ends.connect(crowd)
    before = await ends.serve("cpu")
    await ends.close(closed)
    return {"close_ms": (await ends.serve("cpu") - before) / 1e6 / closed}


NEAR: dict[str, tuple[Step, ...]] = {
    "connections": (connections,),
    "transfer": (upload, download),
    "requests": (requests, requests_at_once),
}
"""The parts that are measured on the path of 1 500 bytes."""

FAR: dict[str, tuple[Step, ...]] = {"loopback": (loopback_upload, loopback_download)}


async def _loopback_transfer(ends: Ends, direction: str, side: Side, plan: Plan) -> Figures:
    """Enough for whoever discovers that the path takes more; stock does not, and takes long."""
    size = plan.transfer if side is Side.STOCK else plan.loopback_transfer
    return {f"loopback_{name}": value for name, value in (await _transfer(ends, direction, size)).items()}


async def _transfer(ends: Ends, direction: str, size: int) -> Figures:
    """So many bytes up or down, on a new connection."""
    await ends.connect(1)
    spent, took = await ends.drive(f"{direction} {size}")
    megabytes = size / 1e6
    return {f"{direction}_ms_per_mb": spent / 1e6 / megabytes, f"{direction}_mb_s": megabytes / (took / 1e9)}
