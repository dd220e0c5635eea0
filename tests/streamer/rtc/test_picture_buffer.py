"""Pictures are handed on with their last packet."""

from __future__ import annotations

import random

import pytest
from aiortc.rtp import RtpPacket

from streamer.rtc.picture_buffer import PictureBuffer

Told = tuple[int, bytes]


def packets(picture: int, count: int, first: int, mark: bool = True) -> list[RtpPacket]:
    """Make the packets of a picture: its time is its number, its bytes are the packets' numbers."""
    made = []
    for place in range(count):
        last = mark and place == count - 1
        packet = RtpPacket(97, int(last), (first + place) & 0xFFFF, 3000 * picture, 1, b"x")
        packet._data = bytes([(first + place) % 256])  # type: ignore[attr-defined]
        made.append(packet)
    return made


def handed_on(buffer: PictureBuffer, sent: list[RtpPacket]) -> list[Told | None]:
    """Return what comes out with each packet: number of the picture, and its bytes."""
    out = [buffer.add(packet)[1] for packet in sent]
    return [None if frame is None else (frame.timestamp // 3000, frame.data) for frame in out]


def test_a_picture_is_whole_with_its_last_packet() -> None:
    buffer = PictureBuffer()
    assert handed_on(buffer, packets(1, 3, 65_534)) == [None, None, (1, bytes([254, 255, 0]))]
    assert handed_on(buffer, packets(2, 1, 1)) == [(2, b"\x01")]


def test_what_is_out_of_order_waits_for_what_is_missing() -> None:
    buffer, sent = PictureBuffer(), [*packets(0, 1, 9), *packets(1, 4, 10)]
    first, a, b, c, d = sent
    assert handed_on(buffer, [first, a, d, c]) == [(0, b"\x09"), None, None, None]
    assert handed_on(buffer, [b]) == [(1, bytes([10, 11, 12, 13]))]


def test_without_marks_the_next_picture_tells() -> None:
    buffer = PictureBuffer()
    assert handed_on(buffer, packets(1, 2, 0, mark=False)) == [None, None]
    assert handed_on(buffer, packets(2, 2, 2, mark=False)) == [(1, bytes([0, 1])), None]


def test_a_sender_who_marks_every_packet_is_not_believed_again() -> None:
    buffer = PictureBuffer()
    first, second = packets(1, 2, 0)
    first.marker = 1
    assert handed_on(buffer, [first, second]) == [(1, b"\0"), None]
    first, second = packets(2, 2, 2)
    first.marker = 1
    assert handed_on(buffer, [first, second]) == [(1, b"\x01"), None]
    assert handed_on(buffer, packets(3, 1, 4)) == [(2, bytes([2, 3]))]


def test_padding_behind_a_picture_is_none_of_the_next_one() -> None:
    buffer = PictureBuffer()
    padding = packets(1, 2, 2, mark=False)
    for packet in padding:
        packet._data = b""  # type: ignore[attr-defined]
    assert handed_on(buffer, packets(1, 2, 0)) == [None, (1, bytes([0, 1]))]
    assert handed_on(buffer, padding) == [None, None]
    assert handed_on(buffer, packets(2, 2, 4)) == [None, (2, bytes([4, 5]))]


@pytest.mark.parametrize("seed", range(5))
def test_pictures_come_whole_and_in_order_whatever_the_network_does(seed: int) -> None:
    chance = random.Random(seed)
    sent, number = list[RtpPacket](), 0
    for picture in range(200):
        count = chance.randint(1, 6)
        sent += packets(picture, count, number)
        number += count
    whole = {picture: b"" for picture in range(200)}
    for packet in sent:
        whole[packet.timestamp // 3000] += packet._data  # type: ignore[attr-defined]
    arrived = [packet for packet in sent if chance.random() > 0.02]
    arrived.sort(key=lambda packet: packet.sequence_number + 4 * chance.random())
    got = [one for one in handed_on(PictureBuffer(), arrived) if one is not None]
    assert len(got) > 50
    assert [picture for picture, _ in got] == sorted({picture for picture, _ in got})
