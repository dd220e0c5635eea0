"""The messages as the page has them: a JSON schema, and TypeScript declarations that its code is checked against.

Beside them the schemas of what `earshot process` writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from streamer.messages.protocol import client_messages, server_messages
from streamer.messages.recorded import RecordedEvent, TranscriptFile
from streamer.messages.typescript import declarations

WEB = Path(__file__).parents[2] / "web"


def message_schema() -> dict[str, Any]:
    """Describe both directions as one JSON schema.

    Returns:
        A schema whose `$defs` hold every message, with `ClientMessage` (as the server takes them) and
        `ServerMessage` (as the server writes them: all fields are there) as unions.
    """
    directions, schema = TypeAdapter.json_schemas(
        [("ClientMessage", "validation", client_messages), ("ServerMessage", "serialization", server_messages)],
        title="Earshot control messages",
    )
    for (name, _), union in directions.items():
        schema["$defs"][name] = union
    return schema


def recording_schemas() -> dict[str, dict[str, Any]]:
    """Describe the files of a recording's result, by the names of their schemas."""
    return {
        "events.schema.json": {
            "title": "A line of events.jsonl",
            **TypeAdapter(RecordedEvent).json_schema(mode="serialization"),
        },
        "transcript.schema.json": TypeAdapter(TranscriptFile).json_schema(mode="serialization"),
    }


def files(web: Path = WEB) -> dict[Path, str]:
    """Return the files that are made from the models, and what each has to hold.

    Args:
        web: folder of the page.
    """
    schema = message_schema()
    return {
        web / "messages.schema.json": _text(schema),
        web / "messages.d.ts": declarations(schema),
        **{web / name: _text(described) for name, described in recording_schemas().items()},
    }


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def write(web: Path = WEB) -> list[Path]:
    """Write the files.

    Args:
        web: folder of the page.

    Returns:
        All of them.
    """
    made = files(web)
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return list(made)


def stale(web: Path = WEB) -> list[Path]:
    """Return those files that are missing or differ from the models.

    Args:
        web: folder of the page.
    """
    return [path for path, text in files(web).items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
