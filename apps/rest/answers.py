"""What routes answer with: a model as JSON, with its headers; and the base of the models of bodies."""

from collections.abc import Mapping

from django.http import HttpResponse
from pydantic import BaseModel, ConfigDict


class Body(BaseModel):
    """What a caller sends: exact types, and no field that is not known."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(HttpResponse):
    """A success. `etag` is of what the body shows, or of what now is."""

    def __init__(
        self,
        body: BaseModel | None = None,
        status: int = 200,
        *,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        content = b"" if body is None else body.model_dump_json().encode()
        super().__init__(content, status=status, content_type="application/json", headers=dict(headers or {}))
        if body is None:
            del self.headers["Content-Type"]
        if etag is not None:
            self.headers["ETag"] = etag
