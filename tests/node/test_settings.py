"""Settings: which source wins, where each value is from, and how wrong keys are named."""

import functools
import os
from pathlib import Path

import pytest

from node.settings import MAX_CONFIG_FILE, Settings, SettingsError, known_keys, load_settings, variable_name


@pytest.fixture(autouse=True)
def no_settings_of_this_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("ALKNET_")]:
        monkeypatch.delenv(name)


def refusal(data: Path, text: str | None = None, **overrides: object) -> str:
    if text is not None:
        (data / "alknet.toml").write_text(text)
    with pytest.raises(SettingsError) as refused:
        load_settings(data=data, overrides={key.replace("__", "."): value for key, value in overrides.items()})
    return str(refused.value)


def test_every_key_has_a_default(tmp_path: Path) -> None:
    loaded = load_settings(data=tmp_path)
    assert loaded.settings.node.listen == "0.0.0.0:4433"
    assert loaded.settings.panel.listen == "127.0.0.1:8000"
    assert loaded.settings.endpoint.drain_timeout == 2
    assert {origin for key, origin in loaded.origins.items() if key != "data"} == {"default"}


def test_the_data_directory_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings().settings.data == tmp_path / "data"
    assert load_settings(data=Path("other")).settings.data == tmp_path / "other"


def test_each_source_beats_the_weaker_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alknet.toml").write_text(
        '[log]\nlevel = "debug"\nformat = "json"\n\n[panel]\nlisten = "127.0.0.1:1"\n'
    )
    monkeypatch.setenv("ALKNET_LOG__FORMAT", "console")
    monkeypatch.setenv("ALKNET_PANEL__LISTEN", "127.0.0.1:2")
    loaded = load_settings(data=tmp_path, overrides={"panel.listen": "127.0.0.1:3", "node.listen": None})
    settings = loaded.settings
    assert (settings.log.level, settings.log.format, settings.panel.listen) == ("debug", "console", "127.0.0.1:3")
    assert {key: loaded.origins[key] for key in ("log.level", "log.format", "panel.listen", "node.listen")} == {
        "log.level": "alknet.toml line 2",
        "log.format": "environment ALKNET_LOG__FORMAT",
        "panel.listen": "option",
        "node.listen": "default",
    }


def test_the_environment_names_the_data_directory_and_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('log.level = "error"\n')
    monkeypatch.setenv("ALKNET_DATA", str(tmp_path / "here"))
    monkeypatch.setenv("ALKNET_CONFIG", str(tmp_path / "other.toml"))
    loaded = load_settings()
    assert loaded.settings.data == tmp_path / "here"
    assert loaded.origins["data"] == "environment ALKNET_DATA"
    assert loaded.origins["log.level"] == "other.toml line 1"


def test_a_file_that_is_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.toml: cannot be read: No such file"):
        load_settings(data=tmp_path, config=tmp_path / "missing.toml")


def test_a_list_in_the_environment_has_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALKNET_PANEL__ALLOWED_HOSTS", "a.example, b.example,")
    assert load_settings(data=tmp_path).settings.panel.allowed_hosts == ("a.example", "b.example")


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALKNET_PANEL__LISTEN", "")
    assert load_settings(data=tmp_path).origins["panel.listen"] == "default"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[panel]\nlisen = 'x:1'", ["alknet.toml line 2: unknown key “panel.lisen”; did you mean “panel.listen”?"]),
        ("[panell]\nlisten = 'x:1'", ["alknet.toml line 1: unknown key “panell”; did you mean “panel”?"]),
        ("[quicc]\nmax_streams = 1", ["alknet.toml line 1: unknown key “quicc”; did you mean “quic”?"]),
        (
            "a = 1\n\n[log]\nlevel = 'loud'",
            ["alknet.toml line 1: unknown key “a”", "line 4: wrong value of “log.level”"],
        ),
        ("[panel]\nlisten = '8000'", ["alknet.toml line 2: wrong value of “panel.listen”: expected HOST:PORT"]),
        ("panel = 3", ["alknet.toml line 1: wrong value of “panel”"]),
        ("[endpoint]\n# how long\ndrain_timeout = -1", ["alknet.toml line 3: wrong value of “endpoint.drain_timeout”"]),
        ("[panel]\npublic_url = 'https://u:p@x/'", ["line 2: wrong value of “panel.public_url”: expected http"]),
        ("data = '/x'", ["alknet.toml line 1: the data directory is set by --data or ALKNET_DATA"]),
        ("# a\n[panel\n", ["alknet.toml line 2: not valid TOML: Expected ']'", "(column 7)"]),
        ("# a\nx = [1,\n", ["alknet.toml line 2: not valid TOML: "]),
        ("x = 'é", ["alknet.toml line 1: not valid TOML"]),
        ("x = " + "[" * 2_000, ["alknet.toml: nested too deeply"]),
        ("a" + ".a" * 2_000 + " = 1", ["alknet.toml: nested too deeply"]),
        ('node.certificate_key = "a"', ["line 1: wrong value of “node.certificate_key”: a key alone is of"]),
        ('[node]\n\ncertificate_key = "a"', ["alknet.toml line 3: wrong value of “node.certificate_key”: "]),
        ('node.peers_file = "a\\u0000b"', ["line 1: wrong value of “node.peers_file”: a path has no NUL"]),
        (
            "[capabilities]\n'alknet/cal' = []",
            [
                "alknet.toml line 2: wrong value of “capabilities.alknet/cal”: "
                "this node serves no protocol of that name; did you mean “alknet/call”?"
            ],
        ),
        ("[capabilities]\nx = []", ["line 2: wrong value of “capabilities.x”: ", "; there is “alknet/call”"]),
        ("[capabilities]\n'alknet/call' = 'openai'", ["line 2: wrong value of “capabilities.alknet/call”: "]),
        (
            "[capabilities]\n'alknet/call' = ['a', ' b']",
            ["line 2: wrong value of “capabilities.alknet/call.1”: The name"],
        ),
        ("capabilities = ['openai']", ["alknet.toml line 1: wrong value of “capabilities”: "]),
        ("capabilities.alknet.call = ['openai']", ["line 1: wrong value of “capabilities.alknet”: "]),
    ],
)
def test_a_wrong_file_stops_the_start_by_name_and_place(tmp_path: Path, text: str, expected: list[str]) -> None:
    message = refusal(tmp_path, text)
    assert all(part in message for part in expected), message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (
            "ALKNET_PANEL__LISEN",
            "x:1",
            "environment ALKNET_PANEL__LISEN: unknown key “panel.lisen”; did you mean “panel.l",
        ),
        ("ALKNET_LISTEN", "x:1", "environment ALKNET_LISTEN: unknown key “listen”; did you mean"),
        ("ALKNET_PANEL", "{}", "environment ALKNET_PANEL: unknown key “panel”"),
        ("ALKNET_PANEL__LISTEN__X", "1", "environment ALKNET_PANEL__LISTEN__X: unknown key"),
        (
            "ALKNET_PANEL__LISTEN",
            "1.2.3.4",
            "environment ALKNET_PANEL__LISTEN: wrong value of “panel.listen”: expected",
        ),
        ("ALKNET_CALL__MAX_IN_FLIGHT", "many", "ALKNET_CALL__MAX_IN_FLIGHT: wrong value of “call.max_in_flight”"),
        ("ALKNET_NODE_KEY", "hunter2", "environment ALKNET_NODE_KEY: unknown key “node_key”"),
        (
            "ALKNET_CAPABILITIES",
            "hunter2",
            "environment ALKNET_CAPABILITIES: wrong value of “capabilities”: expected JSON",
        ),
        ("ALKNET_CAPABILITIES", '{"x": []}', "environment ALKNET_CAPABILITIES: wrong value of “capabilities.x”: this"),
        ("ALKNET_CAPABILITIES__X", "openai", "environment ALKNET_CAPABILITIES__X: unknown key “capabilities.x”"),
    ],
)
def test_a_wrong_variable_stops_the_start_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    message = refusal(tmp_path)
    assert expected in message
    assert value == "1" or value not in message


def test_what_a_protocol_may_use_stands_in_a_table_of_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "alknet.toml").write_text('[capabilities]\n"alknet/call" = ["openai", "two words"]\n')
    loaded = load_settings(data=tmp_path)
    assert loaded.settings.capabilities == {"alknet/call": ("openai", "two words")}
    assert loaded.origins["capabilities"] == "alknet.toml line 1"
    monkeypatch.setenv("ALKNET_CAPABILITIES", '{"alknet/call": ["github"]}')
    loaded = load_settings(data=tmp_path)
    assert loaded.settings.capabilities == {"alknet/call": ("github",)}
    assert loaded.origins["capabilities"] == "environment ALKNET_CAPABILITIES"
    monkeypatch.setenv("ALKNET_CAPABILITIES", "{}")
    assert load_settings(data=tmp_path).settings.capabilities == {}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Panel.Example/", "https://panel.example"),
        ("HTTPS://panel.example:443", "https://panel.example"),
        ("http://panel.example:80", "http://panel.example"),
        ("http://panel.example:443", "http://panel.example:443"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("https://[::443]", "https://[::443]"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_the_public_url_is_spelled_as_browsers_spell_it(tmp_path: Path, url: str, origin: str) -> None:
    assert load_settings(data=tmp_path, overrides={"panel.public_url": url}).settings.panel.public_url == origin


@pytest.mark.parametrize(
    "url", ["http://h:abc", "http://h:99999", "http://[::1", "http://", "h", "ftp://h", "http://u@h", "http://h/a"]
)
def test_what_is_no_origin_is_refused_in_one_sentence(tmp_path: Path, url: str) -> None:
    message = refusal(tmp_path, panel__public_url=url)
    assert message.startswith("option: wrong value of “panel.public_url”: expected http://HOST")


def test_a_wrong_option_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path, node__listen="x").startswith("option: wrong value of “node.listen”")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, "a = 1\nb = 2\n[log]\nlevel = 3\n").splitlines()) == 3


@pytest.mark.parametrize("name", ["~nosuchuser/x", "x\0y"])
def test_a_data_directory_that_cannot_be_named_is_a_wrong_option(name: str) -> None:
    assert refusal(Path(name)).startswith("option: wrong value of “data”: ")


def test_a_data_directory_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / ("x" * 300)).endswith("alknet.toml: cannot be read: File name too long")


def test_a_data_directory_that_is_a_file_has_no_settings(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert load_settings(data=tmp_path / "file").origins["log.level"] == "default"


def test_a_huge_file_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    assert "longer than" in refusal(tmp_path, "#" * (MAX_CONFIG_FILE + 1))
    (tmp_path / "alknet.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refusal(tmp_path)


def test_a_windows_file_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "alknet.toml").write_bytes(b'[log]\r\nlevel = "debug"\r\n')
    assert load_settings(data=tmp_path).origins["log.level"] == "alknet.toml line 2"


def test_every_key_can_be_set_by_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings(data=tmp_path).settings.model_dump(mode="json")
    keys = [key for key in known_keys(Settings) if len(key) > 1]
    for key in keys:
        value = functools.reduce(lambda table, name: table[name], key, defaults)
        monkeypatch.setenv(variable_name(key), "x" if value in (None, [], "") else str(value))
    for name, value in (
        ("PUBLIC_URL", "http://x"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("SECOND_FACTOR_FOR", "owner, operator"),
        ("OIDC__ISSUER", "https://x"),
        ("OIDC__ROLE", "viewer"),
    ):
        monkeypatch.setenv(f"ALKNET_PANEL__{name}", value)
    monkeypatch.setenv("ALKNET_FORWARDING__PROXY", "socks5h://x:1080")
    for name in ("PROGRAMS", "HOST_KEY", "SHELL", "DIRECTORY"):
        monkeypatch.setenv(f"ALKNET_SSH__{name}", "/x/y")
    monkeypatch.setenv("ALKNET_SSH__LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("ALKNET_SSH__CERT_AUTHORITIES", f"ed25519:{'11' * 32}, ed25519:{'22' * 32}")
    for process in ("NODE", "WEB"):
        monkeypatch.setenv(f"ALKNET_METRICS__{process}_LISTEN", "127.0.0.1:0")
    origins = load_settings(data=tmp_path).origins
    assert {origins[".".join(key)] for key in keys} == {f"environment {variable_name(key)}" for key in keys}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"panel__trusted_proxies": ("proxy.example",)}, "expected addresses or networks"),
        ({"panel__trusted_proxies": ("10.0.0.1/8",)}, "expected addresses or networks"),
        ({"panel__second_factor_for": ("king",)}, "there is no role king"),
        ({"panel__oidc__issuer": "http://idp.example", "panel__oidc__client_id": "x"}, "expected https://"),
        ({"panel__oidc__issuer": "https://idp.example"}, "needs panel.oidc.client_id"),
        ({"panel__oidc__role": "owner"}, "Input should be"),
    ],
)
def test_how_people_sign_in_is_checked_first(tmp_path: Path, values: dict[str, object], said: str) -> None:
    assert said in refusal(tmp_path, **values)
