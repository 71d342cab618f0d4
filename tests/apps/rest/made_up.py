"""Requests made up from the schema, as every role: what comes back is in it, and a refusal has written nothing.

scripts/try_schema.py runs this, since schemathesis wants another version of a package than the appliance; a hundred
times as many requests with `--hypothesis-profile=many`.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.accounts.rights import RIGHTS_OF, Role
from apps.peers import services as peers
from tests.apps.rest.test_schema import COMMITTED, operations
from tests.support.examples import examples
from tests.support.panel import ALICE, draft
from tests.support.rest import token_with
from tests.support.tables import written
from tests.support.vault_node import VaultNode

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SCHEMA = schemathesis.openapi.from_dict(json.loads(COMMITTED.read_text()))
SCHEMA.app = WSGIHandler()


@pytest.fixture
def one_connection(db: None) -> Iterator[None]:
    """A request closes no connection to the database: it would close that of the test, as with Django's own client."""
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the export, outside of ASGI
@pytest.mark.parametrize("role", Role)
def test_what_is_made_up_is_answered_as_the_schema_says(one_connection: None, node: VaultNode, role: Role) -> None:
    token = token_with(*RIGHTS_OF[role])
    peers.create_peer(actor=ALICE, draft=draft("laptop"))
    for method, path, _ in operations():
        operation = SCHEMA[path][method.upper()]
        kept_to, broken = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

        @given(case=st.one_of(kept_to, broken))
        @settings(examples(6), phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck))
        def one(case: Case) -> None:
            check(case, token)

        one()


def check(case: Case, token: str) -> None:
    before = written()
    with transaction.atomic():
        answer: Any = case.call(headers={"Authorization": f"Bearer {token}", "Host": "testserver"})
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            assert written() == before, f"{answer.status_code}, and a row was written"
        transaction.set_rollback(True)
