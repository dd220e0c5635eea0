"""Sources of settings, in order, and what is refused."""

import pytest

from streamer.settings import Settings, SettingsError, is_loopback, load_settings

SECRET = "a secret of some length"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No earshot.toml and no variables but the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def pair(tmp_path):
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("")
    return {"tls_cert": tmp_path / "cert.pem", "tls_key": tmp_path / "key.pem"}


def test_defaults_serve_this_machine_only():
    settings = load_settings()
    assert (settings.host, settings.port, settings.secret) == ("127.0.0.1", 8000, None)
    assert settings.ice_servers == ()
    assert settings.host_names == ("localhost", "127.0.0.1", "::1")


def test_flags_win_over_environment_over_file(tmp_path, monkeypatch):
    (tmp_path / "earshot.toml").write_text("port = 1\nmax_faces = 3\ndevice = 'cuda'\n")
    monkeypatch.setenv("EARSHOT_PORT", "2")
    monkeypatch.setenv("EARSHOT_MAX_FACES", "4")
    settings = load_settings(port=5, device=None)
    assert (settings.port, settings.max_faces, settings.device) == (5, 4, "cuda")


def test_environment_lists_and_ice_servers(monkeypatch):
    monkeypatch.setenv("EARSHOT_ALLOWED_ORIGINS", "https://a.example, https://b.example:8443")
    monkeypatch.setenv("EARSHOT_ICE_SERVERS", '[{"urls": "stun:stun.example"}]')
    settings = load_settings()
    assert settings.allowed_origins == ("https://a.example", "https://b.example:8443")
    assert settings.ice_servers[0].urls == ["stun:stun.example"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_open_host_needs_secret_and_tls(host, pair):
    with pytest.raises(SettingsError, match="can be reached from the network"):
        load_settings(host=host)
    with pytest.raises(SettingsError, match="can be reached from the network"):
        load_settings(host=host, secret=SECRET)
    with pytest.raises(SettingsError, match="can be reached from the network"):
        load_settings(host=host, **pair)
    assert load_settings(host=host, secret=SECRET, **pair).host_names == ()
    assert load_settings(host=host, insecure=True).insecure


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"port": 70000}, "port: "),
        ({"secret": "short"}, "secret: .*16 characters"),
        ({"tls_cert": "absent.pem"}, "belong together"),
        ({"tls_cert": "absent.pem", "tls_key": "absent.pem"}, "absent.pem is not a file"),
        ({"allowed_origins": "example.org"}, "is not an origin"),
        ({"ice_servers": [{"urls": "http://x"}]}, "is not a stun:"),
        ({"ice_servers": [{"urls": 'stun:x>; rel="y"'}]}, "is not a stun:"),
        ({"heartbeat": 9}, "heartbeat_timeout must be longer"),
        ({"proxies": "proxy.example"}, "proxies: .proxy.example. does not appear"),
        ({"turn_secret": "x"}, "turn_secret needs a turn: or turns: address without a user"),
        ({"udp_ports": "5"}, "udp_ports: "),
        ({"udp_ports": "6000-5000"}, "6000-5000 is not a first and a last port"),
        ({"udp_ports": "80-90000"}, "80-90000 is not a first and a last port"),
        ({"announced_addresses": "call.example"}, "does not appear to be an IPv4 or IPv6 address"),
        ({"announced_addresses": "192.0.2.1,192.0.2.2"}, "at most one IPv4 and one IPv6"),
        ({"nonsense": 1}, "nonsense: "),
    ],
)
def test_bad_values_are_one_line(flags, reason):
    with pytest.raises(SettingsError, match=reason) as caught:
        load_settings(**flags)
    assert "\n" not in str(caught.value)


def test_a_language_needs_a_reader(monkeypatch):
    with pytest.raises(ValueError, match='there is no language "klingon"'):
        Settings(language="klingon")
    for there in (False, True):
        monkeypatch.setattr("models.speech.transcriber.has_second_reader", lambda name, there=there: there)
        assert Settings(language="en").language == "en" and Settings().language == "auto"
        assert Settings(language="ko", speech="faster-whisper:small").language == "ko"
        if there:
            assert Settings(language="ko").language == "ko"
        else:
            with pytest.raises(ValueError, match=r"Korean needs another reader: pip install 'earshot\[languages\]'"):
                Settings(language="ko")


def test_broken_file_is_one_line(tmp_path):
    (tmp_path / "earshot.toml").write_text("port = = 1")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_secret_is_not_printed():
    assert SECRET not in repr(Settings(secret=SECRET))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("a.b", False),
    ],
)
def test_is_loopback(host, expected):
    assert is_loopback(host) is expected
