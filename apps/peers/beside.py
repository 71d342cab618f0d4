"""What other apps know of peers, for whoever lists them: those know peers, while peers know nothing of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Teller = Callable[[Iterable[str]], Mapping[str, Any]]
"""Of peers by their names: what is known of each, as JSON."""
_TELLERS: dict[str, Teller] = {}


def tell(name: str, teller: Teller) -> None:
    """Have it said under this name. Called once, when an app is ready."""
    _TELLERS[name] = teller


def told_beside(peer_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """{peer_id: {name: what is known}}, of every name."""
    names = list(peer_ids)
    known = {name: teller(names) for name, teller in _TELLERS.items()}
    return {peer_id: {name: found[peer_id] for name, found in known.items()} for peer_id in names}
