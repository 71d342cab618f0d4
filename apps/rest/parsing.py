"""Bodies and queries as JSON types. Everything that is not plain, bounded JSON is refused before a route sees it."""

import json
import math
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser

from apps.rest.problems import Refused

MAX_JSON = 2 * 1024 * 1024
"""Longest body, in bytes."""
MAX_DEPTH = 16
_NOT_JSON = "The body is not JSON: "


class StrictParser(Parser):
    def parse_body(self, request: HttpRequest) -> Any:
        """Raises Refused: 415 for another media type, 413 for too long a body, 400 for what is not JSON."""
        if request.content_type != "application/json":
            raise Refused(415, "The body of a request is application/json here.")
        if len(request.body) > MAX_JSON:
            raise Refused(413, f"A body has at most {MAX_JSON} bytes.")
        return plain_json(request.body)


def plain_json(raw: bytes) -> Any:
    """Raises Refused where it is no JSON text of UTF-8 (RFC 8259), repeats a name, or is nested too deep."""
    try:
        value = json.loads(
            raw.decode(), parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_without_repeats
        )
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no character
    except Refused:
        raise
    except UnicodeError:
        raise Refused(400, f"{_NOT_JSON}it has bytes that are not UTF-8.") from None
    except RecursionError:
        raise Refused(400, f"{_NOT_JSON}it is nested too deep.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Refused(400, f"{_NOT_JSON}{error.msg} ({place}).") from None
    except ValueError:
        raise Refused(400, f"{_NOT_JSON}it has a number with too many digits.") from None
    if _deeper(value, MAX_DEPTH):
        raise Refused(400, f"The body is nested deeper than {MAX_DEPTH}.")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refused(400, f"{_NOT_JSON}an object has a name twice.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Refused(400, f"{_NOT_JSON}{name} is no number.")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Refused(400, f"{_NOT_JSON}it has a number that is too large.")
    return value


def _deeper(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper(item, levels - 1) for item in inside)
