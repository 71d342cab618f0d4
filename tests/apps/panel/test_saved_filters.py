"""Filters of lists under a name: whose they are, what they may hold, and that an address cannot bring more in."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts.rights import Role
from apps.activity.connection_pages import ConnectionFilters
from apps.activity.forms import FiltersForm
from apps.audit.models import AuditEntry
from apps.panel.models import SavedFilter
from apps.panel.saved import services
from apps.panel.saved.lists import LISTS, MAX_VALUE
from apps.peers.models import Peer
from tests.support.accounts import add_user, desk_of
from tests.support.panel import ALICE, audit, text

SAVE, ALL = "/panel/savedfilter/save/", "/panel/savedfilter/"
PEERS = "/peers/peer/"


def wish(name: str = "soon", **fields: str) -> dict[str, str]:
    return {"list_name": "peer", "query": "expiry=soon&q=lap", "name": name, **fields}


def save(role: Role, name: str = "soon", **fields: Any) -> SavedFilter:
    user = User.objects.filter(username=role.value).first() or add_user(role)
    return services.save_filter(actor=ALICE, user=user, **{"shared": False, **wish(name), **fields})


def test_what_a_list_shows_is_saved_chosen_renamed_and_deleted(panel: Client) -> None:
    assert "None yet." in text(panel, PEERS)
    answer = panel.post(SAVE, wish(query="q=lap&p=3&expiry=soon&nonsense=1"))
    assert (answer.status_code, answer["Location"]) == (302, f"{PEERS}?q=lap&expiry=soon")

    page = text(panel, PEERS, q="lap", expiry="soon")
    assert '<a class="alknet-link" href="?q=lap&amp;expiry=soon" aria-current="true">soon</a>' in page
    assert "Saved filters: soon" in page
    assert "everybody’s" not in page

    row = SavedFilter.objects.get()
    page = text(panel, ALL)
    assert "search lap, expiry soon" in page
    assert f'href="{PEERS}?q=lap&amp;expiry=soon"' in page
    assert panel.post(f"{ALL}{row.pk}/change/", {"name": "ends soon", "shared": "on"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.shared, row.query) == ("ends soon", True, "q=lap&expiry=soon")
    assert panel.post(f"{ALL}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not SavedFilter.objects.exists()
    assert [(action, which) for _, action, which in audit()] == [
        ("saved_filter.added", "soon"),
        ("saved_filter.changed", "ends soon"),
        ("saved_filter.removed", "ends soon"),
    ]
    assert AuditEntry.objects.order_by("id")[1].before["name"] == "soon"


@pytest.mark.parametrize("path", ["/activity/event/", "/activity/connection/", "/audit/auditentry/"])
def test_the_other_lists_have_them_too(panel: Client, path: str) -> None:
    name = path.split("/")[2]
    query = "q=x" if name == "auditentry" else "peer=x"
    assert panel.post(SAVE, wish(list_name=name, query=query))["Location"] == f"{path}?{query}"
    assert f'href="?{query}">soon</a>' in text(panel, path)
    assert "soon</a>" not in text(panel, PEERS)


def test_ones_own_are_seen_by_nobody_else(db: None) -> None:
    mine = save(Role.OWNER)
    other = desk_of(Role.OPERATOR)
    assert "soon</a>" not in text(other, PEERS)
    assert "soon" not in text(other, ALL)
    assert other.get(f"{ALL}{mine.pk}/change/").status_code == 302  # to the first page: there is none
    other.post(f"{ALL}{mine.pk}/delete/", {"post": "yes"})
    other.post(ALL, {"action": "delete_selected", "_selected_action": [mine.pk], "post": "yes"})
    assert SavedFilter.objects.filter(pk=mine.pk, name="soon").exists()
    with pytest.raises(services.Absent):
        services.remove_filters(actor=ALICE, user=User.objects.get(username="operator"), ids=[mine.pk])


def test_everybodys_are_chosen_by_all_and_changed_by_those_who_may_write(db: None) -> None:
    shared = save(Role.OPERATOR, shared=True)
    viewer, owner = desk_of(Role.VIEWER), desk_of(Role.OWNER)
    assert "soon</a>" in text(viewer, PEERS)
    assert "everybody’s, by alice" in text(viewer, f"{ALL}{shared.pk}/change/")
    for path, sent in ((f"{ALL}{shared.pk}/change/", {"name": "x"}), (f"{ALL}{shared.pk}/delete/", {"post": "yes"})):
        assert viewer.post(path, sent).status_code == 403
    viewer.post(ALL, {"action": "delete_selected", "_selected_action": [shared.pk], "post": "yes"})
    assert SavedFilter.objects.get().name == "soon"
    assert owner.post(f"{ALL}{shared.pk}/change/", {"name": "x", "shared": "on"}).status_code == 302
    assert SavedFilter.objects.get().name == "x"


def test_a_viewer_keeps_their_own_and_cannot_share(db: None) -> None:
    viewer = desk_of(Role.VIEWER)
    assert "For everybody" not in text(viewer, PEERS, q="x")
    assert viewer.post(SAVE, wish(shared="on")).status_code == 302
    assert not SavedFilter.objects.get().shared
    with pytest.raises(services.InvalidFilter, match="everybody"):
        save(Role.VIEWER, "y", shared=True)
    assert viewer.post(SAVE, wish("log", list_name="auditentry", query="q=x")).status_code == 200
    assert "There is no such list." in viewer.post(SAVE, wish("log", list_name="auditentry")).content.decode()
    assert SavedFilter.objects.count() == 1


def test_filters_go_with_their_user_unless_they_are_everybodys(db: None) -> None:
    save(Role.OPERATOR)
    save(Role.OPERATOR, "ours", shared=True)
    User.objects.get(username="operator").delete()
    assert [row.name for row in SavedFilter.objects.all()] == ["ours"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 81},
        {"name": "a\nb"},
        {"list_name": "user"},
        {"list_name": ""},
        {"query": ""},
        {"query": "p=2&e=1"},
        {"query": "expiry=banana"},
        {"query": "o=1;drop"},
        {"query": "enabled__exact=2"},
        {"query": "scope=a%00b"},
        {"query": "q=" + "x" * (MAX_VALUE + 1)},
        {"query": "q=x&" + "a=1&" * 1000},
        {"query": "auth_token_hash__startswith=sha256:0"},
    ],
)
def test_what_has_no_sense_is_refused(panel: Client, wrong: dict[str, str]) -> None:
    answer = panel.post(SAVE, wish(**wrong))
    assert answer.status_code == 200
    assert not SavedFilter.objects.exists()
    assert audit() == []


def test_names_are_given_once_and_there_is_a_most(panel: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MAX_OWN", 2)
    assert panel.post(SAVE, wish("a")).status_code == 302
    assert "has that name already" in panel.post(SAVE, wish("a")).content.decode()
    assert panel.post(SAVE, wish("a", shared="on")).status_code == 302  # everybody's stand apart
    assert panel.post(SAVE, wish("b")).status_code == 302
    assert "delete one first" in panel.post(SAVE, wish("c")).content.decode()


def test_what_stands_in_the_file_is_not_followed_blindly(panel: Client) -> None:
    SavedFilter.objects.create(list_name="peer", name="<b>x</b>", query='"><script>=1&q=<&next=//evil&expiry=banana')
    SavedFilter.objects.create(list_name="nowhere", name="lost", query="q=1")
    for page in (text(panel, PEERS), text(panel, ALL)):
        assert "q=%3C" in page
        assert "&lt;b&gt;x" in page
        assert not any(bad in page for bad in ("<b>x", "evil", "banana", "lost"))


def test_the_filters_that_are_known_are_those_of_the_lists(panel: Client) -> None:
    for one in LISTS.values():
        model_admin = next(
            found for model, found in admin.site._registry.items() if model._meta.model_name == one.model
        )
        if one.app == "activity":
            names = FiltersForm.base_fields if one.model == "event" else ConnectionFilters.__slots__
            assert list(one.parameters) == list(names)
            continue
        request = RequestFactory().get("/")
        request.user = User.objects.get(username="admin")
        changelist = model_admin.get_changelist_instance(request)
        filters = [
            spec.parameter_name if hasattr(spec, "parameter_name") else spec.lookup_kwarg
            for spec in changelist.filter_specs
        ]
        assert set(one.parameters) == {"q", "o", *filters}
        for spec in changelist.filter_specs:
            for value, _ in getattr(spec, "lookup_choices", None) or []:
                assert one.parameters[spec.parameter_name][1](str(value))


@given(st.dictionaries(st.sampled_from(["q", "scope", "o", "expiry", "p", "x"]), st.text(max_size=20), max_size=6))
def test_what_is_known_stays_as_it_is(given_: dict[str, str]) -> None:
    known, wrong = LISTS["peer"].known(urlencode(given_))
    assert LISTS["peer"].known(known) == (known, [])
    kept = dict(parse_qsl(known))
    assert set(kept) | set(wrong) <= set(LISTS["peer"].parameters)
    assert all(given_[name].strip() == value for name, value in kept.items())


def test_choosing_one_costs_one_query(panel: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        panel.post(SAVE, wish(f"f{number}"))
    assert Peer.objects.count() == 0
    with django_assert_max_num_queries(8):
        panel.get(PEERS)
