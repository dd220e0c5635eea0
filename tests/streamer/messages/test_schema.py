"""What the page has of the messages: that it is up to date, what the TypeScript says, and the command."""

import json
from functools import partial

import pytest
from typer.testing import CliRunner

from streamer.cli import app
from streamer.messages import schema
from streamer.messages.protocol import Error
from streamer.messages.typescript import declarations


def test_files_of_the_page_are_up_to_date():
    """If this fails, run `earshot schema`."""
    assert schema.stale() == []


def test_missing_and_changed_files_are_stale(tmp_path):
    written = schema.write(tmp_path)
    names = ["messages.schema.json", "messages.d.ts", "events.schema.json", "transcript.schema.json"]
    assert [path.name for path in written] == names
    assert schema.stale(tmp_path) == []
    (tmp_path / "messages.d.ts").write_text("export {};\n")
    assert schema.stale(tmp_path) == [tmp_path / "messages.d.ts"]
    (tmp_path / "messages.schema.json").unlink()
    assert schema.stale(tmp_path) == written[:2]


def test_check_writes_nothing_and_fails_when_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(schema, "stale", partial(schema.stale, tmp_path))
    monkeypatch.setattr(schema, "write", partial(schema.write, tmp_path))
    run = CliRunner().invoke(app, ["schema", "--check"])
    assert run.exit_code == 1
    assert run.stderr == (
        "earshot: messages.schema.json, messages.d.ts, events.schema.json, transcript.schema.json: "
        "not as the messages say; run `earshot schema`\n"
    )
    assert list(tmp_path.iterdir()) == []
    assert CliRunner().invoke(app, ["schema"]).exit_code == 0
    assert CliRunner().invoke(app, ["schema", "--check"]).exit_code == 0


def test_every_message_is_in_a_union():
    defs = schema.message_schema()["$defs"]
    for direction, count in (("ClientMessage", 26), ("ServerMessage", 28)):
        names = [member["$ref"].removeprefix("#/$defs/") for member in defs[direction]["oneOf"]]
        assert len(names) == count
        assert all("type" in defs[name]["required"] for name in names)


def test_fields_that_the_server_always_writes_are_required():
    error = Error(code="busy", reason="The room is busy.")
    assert set(json.loads(error.model_dump_json())) == set(schema.message_schema()["$defs"]["Error"]["required"])


def test_declarations():
    made = declarations(
        {
            "$defs": {
                "Point": {
                    "type": "object",
                    "description": "Two lines\nof text.",
                    "additionalProperties": False,
                    "properties": {
                        "type": {"const": "point", "type": "string", "title": "Type"},
                        "x": {"type": "number", "minimum": 0},
                        "tags": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "boolean"}]},
                        "names": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Any"}},
                        "maybe": {"enum": ["a", 'b"'], "type": "string"},
                    },
                    "required": ["type", "x", "tags", "pair", "names"],
                },
                "Any": {"oneOf": [{"$ref": "#/$defs/Point"}, {"const": "rest"}], "description": "One line."},
            }
        }
    )
    assert made == (
        "/** Written by `earshot schema` from the models in streamer/messages: do not edit. */\n"
        "\n"
        "/** One line. */\n"
        'export type Any = Point | "rest";\n'
        "\n"
        "/**\n"
        " * Two lines\n"
        " * of text.\n"
        " */\n"
        "export interface Point {\n"
        '  type: "point";\n'
        "  x: number;\n"
        "  tags: (number | null)[];\n"
        "  pair: [string, boolean];\n"
        "  names: Record<string, Any>;\n"
        '  maybe?: "a" | "b\\"";\n'
        "}\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"type": "string", "format": "uri", "contentEncoding": "base64"},
        {"allOf": [{"type": "string"}]},
        {"type": "object"},
        {},
        {"type": "string", "description": "ends */ the comment"},
    ],
)
def test_what_it_does_not_know_is_refused(body):
    with pytest.raises(ValueError, match=r"no TypeScript type|end the comment"):
        declarations({"$defs": {"Odd": body}})
