import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from apps.notify.backends import get_backend
from apps.notify.backends.sqlite import SqliteBackend


class _OtherVendor:
    vendor = "oracle"


def test_sqlite_has_its_backend() -> None:
    assert isinstance(get_backend(connection), SqliteBackend)


def test_a_database_without_a_backend_is_refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="oracle"):
        get_backend(_OtherVendor())
