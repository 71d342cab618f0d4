"""The API as django-ninja has it, with our parser, our problems, and our touch to its schema."""

from collections.abc import Callable, Mapping
from functools import partial, wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation

from apps.rest.parsing import StrictParser
from apps.rest.problems import Refused, problem
from apps.rest.schema import finished
from node.core.errors import InvalidFields

MAX_MESSAGES = 32
"""Fields that one problem tells of."""


class Api(NinjaAPI):
    """One API of all apps' routers."""

    def __init__(self, refusals: Mapping[type[Exception], int], **options: Any) -> None:
        super().__init__(parser=StrictParser(), **options)
        self.add_decorator(_without_others, mode="operation")
        for error, status in refusals.items():
            self.add_exception_handler(error, partial(_answer_refusal, status))

    def set_default_exception_handlers(self) -> None:
        """In place of ninja's. What is not named here is Django's to answer, and the log's to tell."""
        for error, handler in _HANDLERS.items():
            self.add_exception_handler(error, handler)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> Any:
        return finished(super().get_openapi_schema(**options), self)


def _without_others(route: Callable[..., Any]) -> Callable[..., Any]:
    """The route, which refuses what it does not know in the query: a mistyped filter must not show everything."""
    operation: Operation = route._ninja_operation  # type: ignore[attr-defined] # set by ninja
    known = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in getattr(model, "__ninja_flatten_map__", {})
    }

    @wraps(route)
    def checked(request: HttpRequest, **values: Any) -> Any:
        if others := sorted(request.GET.keys() - known):
            errors = {name[:64]: ["There is no such parameter."] for name in others[:MAX_MESSAGES]}
            raise Refused(422, "There is something in the query that is not known here.", errors=errors)
        return route(request, **values)

    return checked


def _answer_refusal(status: int, _: HttpRequest, error: Any) -> HttpResponse:
    headers = {"Retry-After": "5"} if status == 503 else {}
    return problem(status, str(error), errors=getattr(error, "errors", None), headers=headers)


def _answer_invalid(_: HttpRequest, error: Any) -> HttpResponse:
    return problem(422, "Something in the request is wrong; nothing was changed.", errors=error.errors)


def _answer_validation(_: HttpRequest, error: Any) -> HttpResponse:
    errors: dict[str, list[str]] = {}
    for one in error.errors[:MAX_MESSAGES]:
        place = ".".join(str(part)[:64] for part in one["loc"][1:] if part not in ("body", "data")) or "body"
        errors.setdefault(place, []).append(f"{one['msg']}."[:500])
    return problem(422, "Something in the request is wrong; nothing was changed.", errors=errors)


def _answer_http(request: HttpRequest, error: Any) -> HttpResponse:
    """ninja's own errors; what our parser said stands behind its one text for all."""
    if isinstance(error.__cause__, Refused):
        return _HANDLERS[Refused](request, error.__cause__)
    return problem(error.status_code, str(error))


def _leave(_: HttpRequest, error: Any) -> HttpResponse:
    raise error


_HANDLERS: Mapping[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    Refused: lambda _, refused: problem(refused.status, refused.detail, errors=refused.errors, headers=refused.headers),
    InvalidFields: _answer_invalid,
    ValidationError: _answer_validation,
    HttpError: _answer_http,
    RequestDataTooBig: lambda *_: problem(413, "The body is too long."),
    Http404: lambda *_: problem(404, "There is nothing at this path."),
    Exception: _leave,
}
