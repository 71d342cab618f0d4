"""What django-ninja's OpenAPI schema is without: refusals as problem documents, rights, and the headers of requests."""

from typing import TYPE_CHECKING, Any

from apps.rest.problems import MEDIA_TYPE, Problem

if TYPE_CHECKING:
    from ninja import NinjaAPI
    from ninja.operation import Operation

_TEXTS = {
    400: "The request cannot be read.",
    401: "No token was shown, or it is not taken.",
    403: "The caller has not the right.",
    404: "There is no such thing.",
    405: "The name is that of another path, which does not take the method.",
    409: "It cannot be done as things are.",
    412: "It is in another state than the request says.",
    413: "The body is too long.",
    415: "The body is not application/json.",
    422: "Something in the request is wrong; `errors` says what, by field.",
    429: "Too many tokens from this address were not taken.",
    503: "The database is busy, or the node does not answer.",
}
_EVERYWHERE = {400, 401, 403, 422, 429, 503}
_WITH_BODY = {413, 415}
_RETRY = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def finished(schema: Any, api: "NinjaAPI") -> Any:
    """The same schema, complete."""
    schema["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    schema["components"]["responses"] = {_name(status): _response(status, text) for status, text in _TEXTS.items()}
    operations = _operations(api)
    for methods in schema["paths"].values():
        for details in methods.values():
            _complete(details, operations[details["operationId"]])
    return schema


def _operations(api: "NinjaAPI") -> dict[str, "Operation"]:
    return {
        api.get_openapi_operation_id(operation): operation
        for router in api._get_bound_routers()
        for view in router.path_operations.values()
        for operation in view.operations
    }


def _complete(details: dict[str, Any], operation: "Operation") -> None:
    given = details["responses"]
    refusals = {status for status in given if status >= 400} | _EVERYWHERE
    refusals |= _WITH_BODY if "requestBody" in details else set()
    given |= {status: {"$ref": f"#/components/responses/{_name(status)}"} for status in refusals}
    details["responses"] = {str(status): given[status] for status in sorted(given)}
    details["x-right"] = next(auth.right.value for auth in operation.auth_callbacks)  # type: ignore[attr-defined]
    details["parameters"] = [*details.get("parameters", ()), *_headers(operation)]


def _response(status: int, text: str) -> dict[str, Any]:
    response: dict[str, Any] = {"description": text, "content": _PROBLEM}
    return response | {"headers": _RETRY} if status in (429, 503) else response


def _name(status: int) -> str:
    return f"Problem{status}"


def _headers(operation: "Operation") -> list[dict[str, Any]]:
    """The headers that a route reads by itself; its decorators say which (`reads`)."""
    names: dict[str, str] = getattr(operation.view_func, "request_headers", {})
    return [
        {"in": "header", "name": name, "description": text, "required": False, "schema": {"type": "string"}}
        for name, text in names.items()
    ]
