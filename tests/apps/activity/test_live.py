"""What open pages are told, who may listen, and how little a listener can make the server hold."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from alknet_site.http_protocol import ImpatientProtocol
from alknet_site.web_sockets import MAX_MESSAGE
from apps.accounts import services
from apps.accounts.rights import Role
from apps.accounts.sign_in.sessions import end_sessions
from apps.activity import live
from apps.activity.consumer import NOTHING_IS_READ, SIGNED_OUT, seats
from apps.audit.actors import Actor, ActorKind
from node.settings import LiveSettings
from tests.support.accounts import add_user
from tests.support.open_pages import SECONDS, serving, signed_in
from tests.support.signing_in import PASSWORD, sign_in


def row(number: int, kind: str = "connected") -> Any:
    return SimpleNamespace(id=number, kind=kind)


@pytest.fixture
def admin(transactional_db: None) -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def limits(settings: Any) -> Any:
    """Sets what the settings say of open pages."""

    def put(**values: Any) -> None:
        settings.ALKNET = settings.ALKNET.model_copy(update={"live": LiveSettings(**values)})

    return put


async def told(page: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(page.recv(), SECONDS))


async def closed(page: ClientConnection) -> int | None:
    """The code by which the server closes; what it said before is passed over."""
    with pytest.raises(ConnectionClosed) as ended:
        async with asyncio.timeout(SECONDS):
            while True:
                await page.recv()
    return None if ended.value.rcvd is None else ended.value.rcvd.code


async def test_every_open_page_is_told_of_a_batch_by_whatever_thread(admin: User) -> None:
    cookie = await signed_in(admin)
    async with serving() as site:
        pages = [await site.open(cookie), await site.open(cookie)]
        live.publish([row(7), row(9, "refused"), row(8)])
        assert [await told(page) for page in pages] == [{"newest": 9, "kinds": ["connected", "refused"]}] * 2

        await asyncio.to_thread(live.publish, [row(10, "closed")])
        assert [await told(page) for page in pages] == [{"newest": 10, "kinds": ["closed"]}] * 2
        live.publish([])
    assert [await closed(page) for page in pages] == [1012, 1012]
    assert seats._held.total() == 0


async def test_a_page_may_listen_for_longer_than_a_request_may_take(
    admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImpatientProtocol, "request_s", 0.5)
    cookie = await signed_in(admin)
    async with serving() as site:
        page = await site.open(cookie)
        await asyncio.sleep(0.8)
        live.publish([row(7)])
        assert (await told(page))["newest"] == 7


async def test_after_the_server_has_ended_nobody_is_told_and_nothing_breaks(admin: User) -> None:
    def ended() -> None:
        async def attached() -> None:
            publisher.attach()

        asyncio.run(attached())

    publisher = live.Publisher()
    publisher.publish([row(1)])
    await asyncio.to_thread(ended)
    publisher.publish([row(2)])
    publisher.publish([row(3)])


async def test_a_slow_layer_gets_what_has_gathered_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    go_on = asyncio.Event()

    async def slow(message: Any) -> None:
        sent.append(message)
        await go_on.wait()
        if len(sent) == 1:
            raise OSError("the layer is away")

    monkeypatch.setattr(live, "_group_send", slow)
    publisher = live.Publisher()
    publisher.attach()
    for number in range(1, 100):
        publisher.publish([row(number, f"kind{number % 3}")])
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.sleep(0.05)

    assert [message["newest"] for message in sent] == [1, 99]
    assert sent[1]["kinds"] == ["kind0", "kind1", "kind2"]


async def test_only_pages_of_the_panel_itself_may_listen(admin: User, settings: Any) -> None:
    cookie = await signed_in(admin)
    settings.CSRF_TRUSTED_ORIGINS = ["https://panel.example"]
    async with serving() as site:
        assert await site.status(cookie) == 101
        assert await site.status(cookie, Origin="https://panel.example") == 101
        for origin in (
            "http://evil.example",
            "null",
            f"https://{site.host}",
            "http://localhost",
            "https://Panel.example",
            None,
        ):
            assert await site.status(cookie, Origin=origin) == 403, origin
        assert await site.status(cookie, host="evil.example") == 403
        assert await site.status(cookie, path="/live/") == 403


async def test_only_signed_in_users_with_the_right_may_listen(admin: User) -> None:
    stranger = "alknet_session=abcdefghijklmnopqrstuvwxyz012345"
    guest, viewer = await sync_to_async(add_user)(None), await sync_to_async(add_user)(Role.VIEWER)
    async with serving() as site:
        for cookie in (None, "", "alknet_session=", stranger, "x" * 8000, await signed_in(guest)):
            assert await site.status(cookie) == 403, cookie
        assert await site.status(await signed_in(viewer)) == 101


@pytest.mark.parametrize("way", ["role", "disabled", "removed", "session", "sign-out", "password"])
async def test_whose_access_is_taken_in_this_process_is_cut_off_at_once(admin: User, limits: Any, way: str) -> None:
    """The clock's own look is minutes away."""
    limits(check=300)
    client, actor = Client(), Actor(ActorKind.USER, "admin")
    await sync_to_async(add_user)(Role.VIEWER, "ann", PASSWORD)
    await sync_to_async(sign_in)(client, "ann")
    cookie = f"alknet_session={client.cookies['alknet_session'].value}"
    ways: dict[str, Any] = {
        "role": lambda: services.change_user(actor=actor, username="ann", role=None),
        "disabled": lambda: services.change_user(actor=actor, username="ann", enabled=False),
        "removed": lambda: services.remove_users(actor=actor, usernames=["ann"]),
        "session": lambda: end_sessions(actor=actor, username="ann"),
        "sign-out": lambda: client.post("/account/logout/"),
        "password": lambda: services.set_password(actor=actor, username="ann", password=PASSWORD * 2),
    }
    async with serving() as site:
        page, of_admin = await site.open(cookie), await site.open(await signed_in(admin))
        await sync_to_async(ways[way])()
        assert await closed(page) == SIGNED_OUT
        live.publish([row(1)])
        assert (await told(of_admin))["newest"] == 1, "another's goes on"
        assert await site.status(cookie) == 403


@pytest.mark.parametrize("way", ["signed out", "disabled", "expired", "new password"])
async def test_whoever_may_not_look_any_more_is_cut_off(admin: User, limits: Any, way: str) -> None:
    limits(check=0.1)
    cookie = await signed_in(admin)

    def take_away() -> None:
        if way == "signed out":
            Session.objects.all().delete()
        elif way == "expired":
            Session.objects.update(expire_date="2020-01-01T00:00:00Z")
        elif way == "disabled":
            User.objects.update(is_active=False)
        else:
            admin.set_password("another one")
            admin.save()

    async with serving() as site:
        page = await site.open(cookie)
        live.publish([row(1)])
        assert (await told(page))["newest"] == 1
        await sync_to_async(take_away)()
        assert await closed(page) == SIGNED_OUT


async def test_a_user_holds_so_many_sockets_and_all_together_so_many(admin: User, limits: Any) -> None:
    limits(per_user=2, sockets=3)
    other = await sync_to_async(User.objects.create_superuser)("other")
    mine, theirs = await signed_in(admin), await signed_in(other)
    async with serving() as site:
        first, second = await site.open(mine), await site.open(mine)
        assert await site.status(mine) == 403
        third = await site.open(theirs)
        assert await site.status(theirs) == 403
        await first.close()
        async with asyncio.timeout(SECONDS):
            for cookie in (mine, theirs):  # the server hears of an end a moment after the client
                while await site.status(cookie) != 101:
                    await asyncio.sleep(0.01)
        await second.close()
        await third.close()


async def test_a_page_has_nothing_to_say(admin: User) -> None:
    cookie = await signed_in(admin)
    async with serving() as site:
        for said, code in (("hello", NOTHING_IS_READ), (b"\0", NOTHING_IS_READ), ("x" * (MAX_MESSAGE + 1), 1009)):
            page = await site.open(cookie)
            await page.send(said)
            assert await closed(page) == code


async def test_who_asks_for_more_pongs_than_he_reads_is_cut_off(admin: User) -> None:
    """The pongs pile up on the server's side once both sockets' buffers are full."""
    cookie = await signed_in(admin)
    ping = b"\x89\xfd" + b"\0\0\0\0" + b"x" * 125
    async with serving() as site:
        page = await site.open(cookie)
        page.transport.pause_reading()
        async with asyncio.timeout(SECONDS):
            while site.unsent:
                page.transport.write(ping * 400)
                await asyncio.sleep(0)
                assert max(site.unsent, default=0) < 1 << 20, "it piles up"
        page.transport.abort()
    assert channel_layers["default"].groups == {}
