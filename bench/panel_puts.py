"""A part of `bench panel`: peers that are put over REST, one after another."""

import argparse
import asyncio
import http.client
import json
import random
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench.figures import percentile
from bench.sample import peer_name

if TYPE_CHECKING:
    from bench.panel import Appliance

WARM_UP = 20


async def measure(appliance: "Appliance", options: argparse.Namespace) -> dict[str, Any]:
    return await asyncio.to_thread(_measure, appliance, options.peers, options.puts)


def _measure(appliance: "Appliance", peers: int, puts: int) -> dict[str, Any]:
    """Milliseconds from a request's first byte to the last of its answer."""
    chance = random.Random("puts")  # other keys than those of the sample
    client = http.client.HTTPConnection(urlsplit(appliance.url).netloc, timeout=30)
    headers = {"Authorization": f"Bearer {appliance.token}", "Content-Type": "application/json"}
    samples = []
    for number in range(WARM_UP + puts):
        name, body = _wish(chance, number, peers, client, headers)
        began = time.perf_counter()
        status, _ = _send(client, "PUT", name, headers, body)
        samples.append((time.perf_counter() - began) * 1000)
        if status not in (200, 201):
            raise RuntimeError(f"a PUT was answered with {status}")
    client.close()
    told = {f"put_p{rank}_ms": round(percentile(samples[WARM_UP:], rank), 1) for rank in (50, 95)}
    return {"puts": puts, **told}


def _wish(
    chance: random.Random, number: int, peers: int, client: http.client.HTTPConnection, headers: dict[str, str]
) -> tuple[str, dict[str, Any]]:
    """A peer, and what it is to be."""
    fresh = {"keys": [f"ed25519:{chance.randbytes(32).hex()}"], "scopes": [f"call:echo-{number}"]}
    if number % 4 == 3:
        return f"new-{number:06}", fresh
    name = peer_name(chance.randrange(peers))
    if number % 4 == 1:
        return name, fresh
    _, known = _send(client, "GET", name, headers)
    return name, {"keys": known["keys"], "scopes": [*known["scopes"], f"call:more-{number}"]}


def _send(
    client: http.client.HTTPConnection, method: str, name: str, headers: dict[str, str], body: Any = None
) -> tuple[int, Any]:
    client.request(method, f"/api/v1/peers/{name}", None if body is None else json.dumps(body), headers)
    answer = client.getresponse()
    return answer.status, json.loads(answer.read())
