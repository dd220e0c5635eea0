"""Who is trained on, who is for choosing (dev), who for the final figures (test): the fixed lists of speakers.json.

`python -m models.train.data.speakers --data DIR` wrote the lists, once, from nothing but the names in the data, by a
rule fixed before anything was measured: a person is kept out if the CRC-32 of the name is divisible by 12, and of those
every other one is for the test. The shipped weights were trained on no kept-out person, by the same rule. Of the news
presenters, whom no shipped weights have heard, a sixth each is for dev and test; a presenter's number is a guess by
face clustering, and clips of nobody in particular (-1) are not used. GRID is one man, so his clips are split.
"""

from __future__ import annotations

import argparse
import functools
import json
import zlib
from pathlib import Path
from typing import Literal

Split = Literal["train", "dev", "test"]
SPLITS: tuple[Split, ...] = ("train", "dev", "test")
LISTS = Path(__file__).with_name("speakers.json")


@functools.cache
def _places() -> dict[tuple[str, str], Split]:
    lists: dict[str, dict[Split, list[str]]] = json.loads(LISTS.read_text())
    return {(kind, name): split for kind, by in lists.items() for split in SPLITS for name in by[split]}


def split_of(kind: str, name: str) -> Split:
    """Say which list a speaker is on.

    Args:
        kind: Name of the set, such as "librispeech".
        name: The speaker as the set's index names them; for `grid_s1_train` a clip.

    Raises:
        KeyError: The lists do not know this speaker: nobody may be trained on by accident.
    """
    return _places()[kind, name]


def by_rule(kind: str, name: str) -> Split:
    """Say where a speaker belongs by the rule that made the lists."""
    number = zlib.crc32(name.encode())
    if kind == "news_arabic":
        return {0: "test", 1: "dev"}.get(number % 6, "train")  # type: ignore[return-value]
    if number % 12:
        return "train"
    return "test" if number // 12 % 2 else "dev"


def news_name(person: int) -> str:
    """Name of a news presenter."""
    return f"news-{person}"


def names(folder: Path) -> dict[str, list[str]]:
    """Name every speaker of every set: set -> names, sorted."""
    found = {}
    for kind in ("librispeech", "speechocean762", "intent", "commands"):
        index = json.loads((folder / "speech" / f"{kind}.json").read_text())
        found[kind] = sorted({one["speaker"] for one in index})
    index = json.loads((folder / "av" / "grid_s1_train.json").read_text())
    found["grid_s1_train"] = sorted({one["clip"] for one in index})
    index = json.loads((folder / "av" / "news_arabic.json").read_text())
    found["news_arabic"] = sorted({news_name(one["person"]) for one in index if one["person"] >= 0})
    return found


def main() -> None:
    """Write the lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=LISTS)
    options = parser.parse_args()
    lists = {
        kind: {split: [name for name in every if by_rule(kind, name) == split] for split in SPLITS}
        for kind, every in names(options.data).items()
    }
    options.out.write_text(json.dumps(lists, indent=0) + "\n")


if __name__ == "__main__":
    main()
