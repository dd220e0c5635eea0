"""Credentials of the TURN REST scheme."""

from streamer.ice_servers import ice_servers
from streamer.settings import Settings

SERVERS = [{"urls": "turn:a.example"}, {"urls": "turns:b.example", "username": "u", "credential": "p"}]


def test_a_shared_secret_makes_short_lived_credentials():
    settings = Settings(ice_servers=SERVERS, turn_secret="north", turn_lifetime=3600)
    one, two = ice_servers(settings, "p1", now=1_433_891_890.5)
    assert (one.urls, one.username) == (["turn:a.example"], "1433895490:p1")
    # printf 1433895490:p1 | openssl dgst -sha1 -hmac north -binary | base64
    assert one.credential == "Q+ceGEPkaai5dhygjj9/tznTgoI="
    assert (two.username, two.credential) == ("u", "p"), "one with a user keeps them"


def test_without_a_secret_they_are_told_as_they_are():
    settings = Settings(ice_servers=SERVERS[1:])
    assert ice_servers(settings, "p1") == list(settings.ice_servers)
