"""What can be told from an encoded picture without decoding it."""

from __future__ import annotations


def h264_units(data: bytes) -> list[tuple[int, bytes]]:
    """Splits an Annex B bitstream.

    Args:
        data: NAL units behind 3- or 4-byte start codes.

    Returns:
        (type 0..31, unit without its start code) of each unit.
    """
    units: list[tuple[int, bytes]] = []
    start = data.find(b"\x00\x00\x01")
    while start >= 0:
        start += 3
        after = data.find(b"\x00\x00\x01", start)
        unit = data[start:] if after < 0 else data[start:after].rstrip(b"\x00")
        if unit:
            units.append((unit[0] & 0x1F, unit))
        start = after
    return units


def is_keyframe(codec: str, data: bytes) -> bool:
    """Whether a decoder can start at this frame.

    Args:
        codec: "VP8", "H264" or a sound codec (always True).
        data: the frame's bitstream.
    """
    if codec == "VP8":
        # RFC 6386, 9.1: bit 0 is clear and the start code follows the 3-byte frame tag.
        return len(data) > 9 and not data[0] & 1 and data[3:6] == b"\x9d\x01\x2a"
    if codec == "H264":
        return any(kind == 5 for kind, _ in h264_units(data))
    return True
