import logging

import pytest
from django.test import Client

from alknet_site.log_filter import SetupTokenFilter


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
