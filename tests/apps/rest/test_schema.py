"""The schema is committed, complete, and the same as the routes."""

import importlib.util
import json
from pathlib import Path
from typing import Any

from django.test import Client

from alknet_site.api import api
from apps.accounts.rights import Right

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "docs" / "openapi.json"


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    paths = json.loads(COMMITTED.read_text())["paths"]
    return [(method, path, details) for path, methods in paths.items() for method, details in methods.items()]


def test_the_committed_schema_is_that_of_the_routes() -> None:
    spec = importlib.util.spec_from_file_location("openapi_doc", ROOT / "scripts" / "openapi_doc.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = script.document()
    assert made == COMMITTED.read_text(), "python scripts/openapi_doc.py > docs/openapi.json"


def test_every_operation_has_a_name_of_its_own_a_right_and_words() -> None:
    found = operations()
    names = [details["operationId"] for _, _, details in found]
    assert len(set(names)) == len(names)
    for method, path, details in found:
        assert {details["x-right"]} <= set(Right), f"{method} {path}"
        assert details["summary"], f"{method} {path}"
        assert details["description"], f"{method} {path}"
        assert method == "get" or not details["x-right"].endswith(":read") or "x-changes-nothing" in details


def test_the_schema_is_told_to_who_is_signed_in(client: Client, admin_user: Any) -> None:
    assert client.get("/api/v1/openapi.json").status_code == 302
    client.force_login(admin_user)
    told = json.loads(client.get("/api/v1/openapi.json").content)
    assert told["paths"] == json.loads(json.dumps(api.get_openapi_schema()["paths"]))
