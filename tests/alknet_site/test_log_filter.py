import logging

import pytest
from django.test import Client

from alknet_site.log_filter import MAX_FAULT, ClientFaultFilter, SetupTokenFilter


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Not Found: /setup/abc-DEF_1/", "Not Found: /setup/…/"),
        ("GET https://host/setup/abc", "GET https://host/setup/…"),
        ("/setup/abc/ and '/setup/def'", "/setup/…/ and '/setup/…'"),
        ("Not Found: /setup/", "Not Found: /setup/"),
        ("Not Found: /peers/", "Not Found: /peers/"),
        ("100% of /setup/abc/ %s", "100% of /setup/…/ %s"),
    ],
)
def test_the_token_is_blanked(message: str, shown: str) -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, message, None, None)

    assert SetupTokenFilter().filter(record)
    assert record.getMessage() == shown


def test_djangos_own_message_about_a_404_passes_through_it(db: None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(SetupTokenFilter())
    Client().get("/setup/the-token/")

    assert "Not Found: /setup/…/" in caplog.text
    assert "the-token" not in caplog.text
    assert not [record for record in caplog.records if hasattr(record, "request")]


@pytest.mark.parametrize(("path", "host"), [("/login/", "evil.example"), ("/login/", "x" * 5000)])
def test_a_host_that_is_not_ours_is_one_warning(
    db: None, caplog: pytest.LogCaptureFixture, path: str, host: str
) -> None:
    caplog.handler.addFilter(ClientFaultFilter())
    Client(headers={"host": host}).get(path)

    fault = next(record for record in caplog.records if record.name.startswith("django.security"))
    assert (fault.levelname, fault.exc_info) == ("WARNING", None)
    assert "Invalid HTTP_HOST header" in fault.getMessage()
    assert len(fault.getMessage()) <= MAX_FAULT


def test_a_403_is_one_warning_and_a_mistake_of_ours_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(ClientFaultFilter())
    log = logging.getLogger("django.request")
    for status in (403, 500):
        try:
            raise ValueError(status)
        except ValueError:
            log.exception("%s: /x", status, extra={"status_code": status})

    assert [(record.levelname, record.exc_info is None) for record in caplog.records] == [
        ("WARNING", True),
        ("ERROR", False),
    ]
