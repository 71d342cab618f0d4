"""What a person sees when a request fails."""

import sqlite3
from contextlib import closing

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from apps.peers.models import Peer


@pytest.mark.django_db(transaction=True)
def test_a_locked_database_is_a_page_that_says_so(admin_user: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 1")
        try:
            response = client.post("/peers/peer/add/", {"peer_id": "laptop", "enabled": "on"})
        finally:
            connection.close()

    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "The database is busy" in response.content.decode()
    assert not Peer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_any_other_failure_of_the_database_is_our_mistake(admin_user: User) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin_user)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE peers RENAME TO gone")
    try:
        response = client.get("/peers/peer/")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO peers")

    assert response.status_code == 500
    assert "Something broke" in response.content.decode()
