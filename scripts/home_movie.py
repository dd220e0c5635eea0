"""Draw the moving picture of the first page: both of the demo talk, a click on one face, and only that one is heard.

Usage: python scripts/home_movie.py web/home.webm
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image, ImageDraw

from streamer.demo.clip import demo_clip

SIZE, RATE, SECONDS = (428, 240), 10, 6.0
BEGIN = 12.0
"""Second of the clip from which both talk."""

CLICK, BACK = 2.2, 5.4
"""Seconds at which the face is clicked, and everyone is heard again: `web/screens/home.js` says it in words."""

COLOURS = ((255, 209, 102), (110, 231, 183))


def drawn(picture: Image.Image, boxes: list[tuple[float, float, float, float]], t: float) -> Image.Image:
    """Draw what a call shows on a picture: boxes, who is heard, and the hand that clicks."""
    width, height = SIZE
    picture = picture.resize(SIZE, Image.Resampling.LANCZOS)
    alone = CLICK <= t < BACK
    if alone:
        quiet = Image.eval(picture.convert("L").convert("RGB"), lambda value: value * 2 // 5)
        picture.paste(quiet.crop((width // 2, 0, width, height)), (width // 2, 0))
    pen = ImageDraw.Draw(picture)
    for number, (x, y, w, h) in enumerate(boxes):
        left, top, right, bottom = x * width, y * height, (x + w) * width, (y + h) * height
        heard = not alone or number == 0
        pen.rounded_rectangle(
            (left, top, right, bottom), 9, outline=COLOURS[number] if heard else (120, 120, 120), width=3
        )
        if heard:
            # Bars that move say that a voice comes.
            for bar in range(5):
                size = 4 + 9 * abs(((t * (3.1 + bar) + 0.37 * bar + number) % 2) - 1)
                at = left + 6 + 7 * bar
                pen.rounded_rectangle((at, top - 8 - size, at + 4, top - 8), 2, fill=COLOURS[number])
    _hand(pen, boxes[0], t)
    return picture


def _hand(pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], t: float) -> None:
    """Draw the pointer on its way to the face, and the ring of its click."""
    width, height = SIZE
    goal = ((box[0] + box[2] * 0.6) * width, (box[1] + box[3] * 0.7) * height)
    part = min(max((t - 1.0) / (CLICK - 1.0), 0.0), 1.0)
    ease = part * part * (3 - 2 * part)
    x = width * 0.5 + (goal[0] - width * 0.5) * ease
    y = height * 0.92 + (goal[1] - height * 0.92) * ease
    for clicked in (CLICK, BACK):
        if 0 <= t - clicked < 0.4:
            r = 6 + 40 * (t - clicked)
            pen.ellipse((x - r, y - r, x + r, y + r), outline=(255, 255, 255), width=2)
    arrow = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (13, 12)]
    pen.polygon([(x + dx, y + dy) for dx, dy in arrow], fill=(255, 255, 255), outline=(0, 0, 0))


def main(path: Path) -> None:
    """Write the film."""
    clip = demo_clip()
    with av.open(str(clip.path)) as source, av.open(str(path), "w") as film:
        stream = film.add_stream(
            "libvpx-vp9", rate=RATE, options={"crf": "36", "b": "0", "cpu-used": "1", "row-mt": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        due = 0
        for frame in source.decode(video=0):
            t = float(frame.time or 0.0) - BEGIN
            if t < due / RATE:
                continue
            if t >= SECONDS:
                break
            image = av.VideoFrame.from_image(drawn(frame.to_image(), list(clip.boxes), t))
            image.pts, image.time_base = due, Fraction(1, RATE)
            film.mux(stream.encode(image))
            due += 1
        film.mux(stream.encode(None))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
