"""What can be told from an encoded picture without decoding it."""

from __future__ import annotations

MOST_PIXELS, LONGEST_SIDE = 2_520_000, 2560
"""The largest picture that is decoded: every format up to 1920 x 1200, upright ones too, and some room."""

MOST_UNITS = 1024
"""NAL units in one picture: a large one in slices of a packet each has some 300."""

_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135, 144))
"""H264 profiles whose parameter sets carry the colour format (ITU-T H.264, 7.3.2.1.1; 144 was one in 2003)."""


def h264_units(data: bytes) -> list[tuple[int, bytes]]:
    """Split an Annex B bitstream.

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
    """Return whether a decoder can start at this frame.

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


def refusal(codec: str, data: bytes) -> str | None:
    """Say why a frame must not be decoded or relayed.

    Args:
        codec: "VP8" or "H264".
        data: the frame's bitstream.

    Returns:
        The reason, or None if it may.
    """
    # Counted before anything walks through them: 360 kB hold 90,000 units, a quarter of a second of the loop.
    if codec == "H264" and (units := data.count(b"\x00\x00\x01")) > MOST_UNITS:
        return f"a picture of {units} units is too finely cut"
    try:
        size = picture_size(codec, data)
    except ValueError as error:
        return str(error)
    if size is not None and too_large(*size):
        return f"pictures of {size[0]} x {size[1]} are too large"
    return None


def too_large(width: int, height: int) -> bool:
    """Return whether a picture of this size, in pixels, is more than the server decodes."""
    return width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE


def picture_size(codec: str, data: bytes) -> tuple[int, int] | None:
    """Return the size that a frame sets for itself and those after it; that of H264 before cropping.

    Args:
        codec: "VP8", "H264" or a sound codec.
        data: the frame's bitstream.

    Returns:
        (width, height) in pixels, the largest if there are several; None where none is told.

    Raises:
        ValueError: it tells one that cannot be read, which a decoder may read as it likes.
    """
    if codec == "VP8" and is_keyframe(codec, data):
        # RFC 6386, 9.1: 14 bits each, two bits of upscaling above them.
        return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
    if codec == "H264":
        sets = [unit for kind, unit in h264_units(data) if kind == 7]
        # More than one or two is nonsense, and reading it must not cost the others their sound.
        if len(sets) > _MOST_SETS:
            raise ValueError(f"{len(sets)} parameter sets in one picture are too many")
        return max((_h264_size(unit) for unit in sets), key=lambda size: size[0] * size[1], default=None)
    return None


_LONGEST_SET = 1024
"""Bytes of a parameter set: with all scaling lists and a full cycle, in numbers as short as they can be, it fits."""

_MOST_SETS = 32
"""Sequence parameter sets there can be (7.4.2.1.1)."""


class _Bits:
    """Reads the bits of a NAL unit; ends with an IndexError."""

    def __init__(self, unit: bytes) -> None:
        # 00 00 03 stands for 00 00 inside a unit.
        plain = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._bits = "".join(f"{byte:08b}" for byte in plain)
        self._at = 0

    def take(self, count: int) -> int:
        self._at += count
        if self._at > len(self._bits):
            raise IndexError("the unit ends early")
        return int(self._bits[self._at - count : self._at], 2)

    def number(self) -> int:
        """Return an unsigned Exp-Golomb number (9.1)."""
        zeros = self._bits.index("1", self._at) - self._at
        if zeros > 32:
            raise ValueError("a number is too long")
        self._at += zeros
        return self.take(zeros + 1) - 1

    def signed(self) -> int:
        """Return a signed Exp-Golomb number (9.1.1)."""
        number = self.number()
        return (number + 1) // 2 if number % 2 else -(number // 2)


def _h264_size(unit: bytes) -> tuple[int, int]:
    """Read a sequence parameter set (7.3.2.1.1) as far as the size; raise ValueError if it cannot."""
    if len(unit) > _LONGEST_SET:
        raise ValueError(f"a parameter set of {len(unit)} bytes is too long")
    bits = _Bits(unit[1:])
    try:
        profile = bits.take(8)
        bits.take(16)
        bits.number()
        if profile in _HIGH_PROFILES:
            _skip_colour(bits)
        bits.number()
        _skip_order(bits)
        bits.number()
        bits.take(1)
        width, height = bits.number() + 1, bits.number() + 1
        fields = 2 - bits.take(1)
    except (IndexError, ValueError) as error:
        raise ValueError("a parameter set cannot be read") from error
    return 16 * width, 16 * height * fields


def _skip_order(bits: _Bits) -> None:
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        bits.signed(), bits.signed()
        cycle = bits.number()
        if cycle > 255:
            raise ValueError("a cycle is too long")
        for _ in range(cycle):
            bits.signed()


def _skip_colour(bits: _Bits) -> None:
    colours = bits.number()
    if colours == 3:
        bits.take(1)
    bits.number(), bits.number()
    bits.take(1)
    if not bits.take(1):
        return
    for index in range(12 if colours == 3 else 8):
        if not bits.take(1):
            continue
        last = scale = 8
        for _ in range(16 if index < 6 else 64):
            if scale:
                scale = (last + bits.signed()) % 256
            last = scale or last
