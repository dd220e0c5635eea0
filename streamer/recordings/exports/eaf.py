"""ELAN's format: a tier a speaker, its words below it, and when it speaks. Source: EAF schema, version 3.0."""

from __future__ import annotations

from itertools import count
from urllib.parse import quote
from xml.etree import ElementTree

from streamer.recordings.exports.result import Result
from streamer.recordings.exports.tiers import Stretch, tiers

SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
TYPES = {"sentence": None, "word": "Included_In", "speaks": None}
"""Kinds of tiers; words lie within sentences."""


def eaf(result: Result, media: tuple[str, str] | None = None, date: str = "1970-01-01T00:00:00+00:00") -> str:
    """Return the document.

    Args:
        result: What is in it.
        media: Name of a file beside it that ELAN is to play, and its type.
        date: When it is made; the same result at the same date gives the same document.
    """
    root = ElementTree.Element(
        "ANNOTATION_DOCUMENT",
        {"AUTHOR": "", "DATE": date, "FORMAT": "3.0", "VERSION": "3.0", f"{{{XSI}}}noNamespaceSchemaLocation": SCHEMA},
    )
    header = ElementTree.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if media is not None:
        at = {"MEDIA_URL": f"./{quote(media[0])}", "RELATIVE_MEDIA_URL": f"./{quote(media[0])}", "MIME_TYPE": media[1]}
        ElementTree.SubElement(header, "MEDIA_DESCRIPTOR", at)
    order = ElementTree.SubElement(root, "TIME_ORDER")
    slots, annotations = count(1), count(1)

    def slot(t: int) -> str:
        name = f"ts{next(slots)}"
        ElementTree.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": name, "TIME_VALUE": str(t)})
        return name

    def write(name: str, kind: str, stretches: list[Stretch], **more: str) -> None:
        tier = ElementTree.SubElement(root, "TIER", {"TIER_ID": name, "LINGUISTIC_TYPE_REF": kind, **more})
        for stretch in stretches:
            one = ElementTree.SubElement(
                ElementTree.SubElement(tier, "ANNOTATION"),
                "ALIGNABLE_ANNOTATION",
                {
                    "ANNOTATION_ID": f"a{next(annotations)}",
                    "TIME_SLOT_REF1": slot(stretch.start),
                    "TIME_SLOT_REF2": slot(stretch.end),
                },
            )
            ElementTree.SubElement(one, "ANNOTATION_VALUE").text = stretch.text

    for tier in tiers(result):
        write(tier.name, "sentence", tier.sentences, PARTICIPANT=tier.name)
        write(f"{tier.name}: words", "word", tier.words, PARENT_REF=tier.name, PARTICIPANT=tier.name)
        write(f"{tier.name}: speaks", "speaks", tier.turns, PARTICIPANT=tier.name)
    for kind, constraint in TYPES.items():
        told = {"LINGUISTIC_TYPE_ID": kind, "TIME_ALIGNABLE": "true", "GRAPHIC_REFERENCES": "false"}
        ElementTree.SubElement(
            root, "LINGUISTIC_TYPE", told | ({} if constraint is None else {"CONSTRAINTS": constraint})
        )
    within = {"STEREOTYPE": "Included_In", "DESCRIPTION": "Time alignable annotations within the parent annotation"}
    ElementTree.SubElement(root, "CONSTRAINT", within)
    ElementTree.register_namespace("xsi", XSI)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
