"""Fields in a real browser: filled by the keyboard alone, judged while one types; and long work seen to its end."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, expect

from tests.support.axe import violations
from tests.support.browser import Panel
from tests.support.migrated import migrated
from tests.support.panel import fingerprint, ssh_line
from tests.support.web import Web

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def panel(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    """A panel with one peer, for the whole module: nothing here depends on what another test saved."""
    web = Web(migrated(tmp_path_factory.mktemp("fields") / "data"))
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        panel = Panel(context.new_page(), web.url)
        panel.page.set_default_timeout(60_000)
        panel.set_up(web.setup_url)
        panel.add_peer("laptop", key=ssh_line(1), scopes="git:read, git:write, fs:read")
        yield panel
    web.end()


@pytest.fixture
def form(panel: Panel) -> Panel:
    panel.page.goto(f"{panel.url}/peers/peer/add/")
    return panel


def combobox(form: Panel, noun: str) -> Locator:
    return form.page.get_by_role("combobox", name=f"Find a {noun} to add")


def test_a_scope_is_found_and_added_by_the_keyboard(form: Panel) -> None:
    box, field = combobox(form, "scope"), form.page.locator("#id_scopes")
    field.focus()
    form.page.keyboard.press("Tab")
    expect(box).to_be_focused()
    form.page.keyboard.type("git")
    expect(box).to_have_attribute("aria-expanded", "true")
    options = form.page.get_by_role("option")
    expect(options).to_have_count(2)
    form.page.keyboard.press("ArrowDown")
    form.page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    form.page.keyboard.press("Enter")
    expect(field).to_have_value("git:write")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(form.page.locator(".alknet-says").filter(has_text="1 scope.")).to_be_visible()
    form.page.keyboard.type("brand:new")
    form.page.keyboard.press("Enter")
    expect(field).to_have_value("git:write\nbrand:new")
    form.page.keyboard.type("git:*")
    expect(form.page.locator("#id_scopes_about")).to_contain_text("2 known scopes fit")
    expect(options).to_have_count(2)  # all of these, and the one that is not there yet
    form.page.keyboard.press("ArrowDown")
    form.page.keyboard.press("Enter")
    expect(field).to_have_value("git:write\nbrand:new\ngit:read")
    assert form.complaints == []


def test_escape_closes_the_list_then_empties_the_field(form: Panel) -> None:
    box = combobox(form, "scope")
    box.focus()
    form.page.keyboard.type("fs")
    expect(form.page.get_by_role("option")).to_have_count(1)
    form.page.keyboard.press("Escape")
    expect(form.page.get_by_role("listbox")).to_have_count(0)
    expect(box).to_have_value("fs")
    form.page.keyboard.press("Escape")
    expect(box).to_have_value("")
    assert form.page.url.endswith("/peers/peer/add/"), "the form was not sent"


def test_a_resource_goes_into_the_json_and_a_broken_one_is_left_alone(form: Panel) -> None:
    box, field = combobox(form, "resource"), form.page.locator("#id_resources")
    box.focus()
    form.page.keyboard.type("repo:web")
    form.page.keyboard.press("Enter")
    form.page.keyboard.type("__proto__:x")
    form.page.keyboard.press("Enter")
    expect(field).to_have_value('{\n  "repo": [\n    "web"\n  ],\n  "__proto__": [\n    "x"\n  ]\n}')
    field.fill("{")
    expect(form.page.get_by_text("Not so: Not valid JSON")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    box.focus()
    form.page.keyboard.type("repo:docs")
    form.page.keyboard.press("Enter")
    expect(form.page.locator("#id_resources_about")).to_contain_text("mend it first")
    expect(field).to_have_value("{")
    assert form.complaints == []


def test_a_key_is_recognised_or_another_peers_while_it_is_typed(form: Panel) -> None:
    field = form.page.locator("#id_keys")
    field.fill(ssh_line(1))
    expect(form.page.get_by_text("belongs to the peer “laptop”")).to_be_visible()
    field.fill(ssh_line(2))
    expect(form.page.get_by_text("Key 1: an OpenSSH key")).to_be_visible()
    expect(form.page.locator(".alknet-checked .alknet-key button")).to_have_count(4)
    expect(field).to_have_attribute("aria-invalid", "false")
    assert form.complaints == []


@pytest.mark.parametrize("width", [375, 1280])
def test_an_open_list_breaks_no_rule_of_accessibility_and_no_width(form: Panel, width: int) -> None:
    form.page.set_viewport_size({"width": width, "height": 900})
    combobox(form, "scope").focus()
    expect(form.page.get_by_role("option").first).to_be_visible()
    form.page.keyboard.press("ArrowDown")
    assert violations(form.page, within="#peer_form") == []
    assert form.page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_fields_are_plain_and_can_be_saved(panel: Panel, browser: Browser) -> None:
    kept = panel.page.context.storage_state()
    with browser.new_context(java_script_enabled=False, storage_state=kept) as context:
        plain = Panel(context.new_page(), panel.url)
        plain.page.goto(f"{panel.url}/peers/peer/add/")
        expect(plain.page.get_by_role("combobox", name="Find a scope to add")).to_have_count(0)
        plain.add_peer("plain", key=ssh_line(7), scopes="fs:read")
        assert plain.page.get_by_text("was added successfully").is_visible()


def test_an_import_of_many_is_seen_to_its_end_without_a_hand(panel: Panel) -> None:
    rows = "".join(f"p{n},{fingerprint(n)}\n" for n in range(1_000, 2_200))
    file: FilePayload = {"name": "many.csv", "mimeType": "text/csv", "buffer": f"peer_id,keys\n{rows}".encode()}
    panel.page.goto(f"{panel.url}/peers/peer/files/")
    panel.page.locator("#file").set_input_files(file)
    panel.page.get_by_role("button", name="Show what would change").click()
    panel.page.get_by_role("button", name="Import", exact=True).click()
    expect(panel.page.locator("#job")).to_contain_text("Imported: 1200 added.")
    expect(panel.page.locator("#job-says")).to_have_text("Imported: 1200 added.")
    assert panel.complaints == []
