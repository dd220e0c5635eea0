"""Ports of a range, and the address outside a NAT, in the server's answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from streamer.rtc import ingress
from streamer.rtc.host_candidates import HostAddresses, NoPort
from streamer.rtc.sdp import BadSdp
from tests.streamer.rtc.conftest import calling

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
def ports() -> Iterator[range]:
    """Four ports in a row, the first of them taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        while True:
            taken.bind(("127.0.0.1", 0))
            first = taken.getsockname()[1]
            if first < 65_000:
                break
        yield range(first, first + 4)


def told(answer: str) -> list[tuple[str, int]]:
    found = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer, re.M)
    return [(address, int(port)) for address, port in found]


async def test_ports_are_of_the_range_and_it_connects(ports: range) -> None:
    async with calling(udp_ports=f"{ports[0]}-{ports[-1]}") as call:
        (candidate,) = set(told(call.answer))
        assert candidate[0] == "127.0.0.1" and candidate[1] in ports[1:]
        await call.connect()


async def test_a_range_that_is_used_up_is_said_and_leaves_nothing(ports: range) -> None:
    with pytest.raises(BadSdp) as caught:
        async with calling(udp_ports=f"{ports[0]}-{ports[0]}"):
            pass
    assert (caught.value.status, caught.value.reason) == (
        503,
        "The server has no free UDP port for one more connection.",
    )


async def test_an_announced_address_is_told_in_place_of_the_interfaces() -> None:
    async with calling(announced_addresses="203.0.113.7,2001:db8::7") as call:
        assert {address for address, _ in told(call.answer)} == {"203.0.113.7"}
        assert "127.0.0.1" not in call.answer
        # The NAT's part: what is sent to the outside comes to the machine.
        call.answer = call.answer.replace("203.0.113.7", "127.0.0.1")
        await call.connect()


def test_a_port_that_is_let_go_can_be_had_again(ports: range) -> None:
    hosts = HostAddresses(ports[1:])
    held = [hosts.bind("127.0.0.1") for _ in range(3)]
    assert sorted(each.getsockname()[1] for each in held) == list(ports[1:])
    with pytest.raises(NoPort, match=f"from {ports[1]} to {ports[-1]} is taken"):
        hosts.bind("127.0.0.1")
    port = held[1].getsockname()[1]
    held[1].close()
    again = hosts.bind("127.0.0.1")
    assert again.getsockname()[1] == port
    for each in (held[0], held[2], again):
        each.close()


async def test_without_settings_aioice_has_its_way() -> None:
    async with calling() as call:
        (link,) = ingress.connections(call.peer.pc)
        assert link.hosts == HostAddresses() and link.local_candidates
