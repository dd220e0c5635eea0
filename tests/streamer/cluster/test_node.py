"""Where Ray may listen, and how the address of a cluster is written."""

import ast
import subprocess
import sys

import pytest

from streamer.cluster.node import HEALTH, Address, check_address, command, free_ports, parse_address
from streamer.errors import UserError
from streamer.settings import Settings

WITH_SECRET = Settings(secret="s" * 16)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("10.0.0.1:7000", "10.0.0.1", 7000), ("media-1", "media-1", 6379), ("[fd00::1]:7000", "fd00::1", 7000)],
)
def test_addresses(text, host, port):
    assert parse_address(text) == Address(host, port)
    assert parse_address(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize("text", ["", ":7000", "10.0.0.1:x", "10.0.0.1:99999", "10.0.0.1/x", "http://10.0.0.1", "a@b"])
def test_no_addresses(text):
    with pytest.raises(UserError, match="not the address of a cluster"):
        parse_address(text)


@pytest.mark.parametrize("address", ["0.0.0.0", "8.8.8.8", "::", "2001:4860::1", "localhost"])
def test_ray_listens_where_strangers_are_not(address):
    with pytest.raises(UserError, match=r"private|no IP address"):
        check_address(address, WITH_SECRET)


def test_several_machines_need_a_secret():
    check_address("127.0.0.1", Settings())
    check_address("10.0.0.1", WITH_SECRET)
    with pytest.raises(UserError, match="secret"):
        check_address("10.0.0.1", Settings())


def test_ray_listens_at_the_address_without_dashboard():
    ports = free_ports("127.0.0.1", 4)
    assert len(set(ports)) == 4
    first = command("10.0.0.1", 7000, None, ports)
    assert {"--head", "--port=7000", "--node-ip-address=10.0.0.1", "--include-dashboard=false"} <= set(first)
    assert set(ast.literal_eval(HEALTH)) >= {"health_check_period_ms"}
    other = command("10.0.0.2", 0, Address("10.0.0.1", 7000), ports)
    assert not any(option.startswith("--include-dashboard") for option in other), "Ray refuses it there"
    assert "--address=10.0.0.1:7000" in other and "--head" not in other


def test_serve_knows_nothing_of_ray():
    code = "import sys, streamer.cli, streamer.commands.serve_many; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
