"""TypeScript declarations from a JSON schema as pydantic writes it: the page's types cannot drift from the models."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import Any

Schema = dict[str, Any]

HEAD = "/** Written by `earshot schema` from the models in streamer/messages: do not edit. */\n"
PRIMITIVES = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}
CONSTRAINTS = {
    "title",
    "description",
    "default",
    "discriminator",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
}
"""Keywords that change no TypeScript type."""


def declarations(schema: Schema) -> str:
    """Declare every entry of `$defs` as an exported interface or type.

    Args:
        schema: JSON schema (draft 2020-12) whose references all point into its own `$defs`.

    Returns:
        Text of a `.d.ts` module, in the order of the names.

    Raises:
        ValueError: A keyword that this does not know, and would otherwise leave out silently.
    """
    return HEAD + "".join(f"\n{_declaration(name, body)}" for name, body in sorted(schema["$defs"].items()))


def _declaration(name: str, schema: Schema) -> str:
    comment = _comment(schema.get("description", ""))
    if schema.get("type") == "object" and "properties" in schema:
        return f"{comment}export interface {name} {_object(schema)}\n"
    return f"{comment}export type {name} = {_type(schema)};\n"


def _comment(text: str) -> str:
    if "*/" in text:
        raise ValueError(f"would end the comment: {text!r}")
    lines = dedent(text).strip().splitlines()
    if len(lines) < 2:
        return f"/** {lines[0]} */\n" if lines else ""
    return "/**\n" + "".join(f" * {line}".rstrip() + "\n" for line in lines) + " */\n"


def _object(schema: Schema) -> str:
    _refuse_unknown(schema, {"type", "properties", "required", "additionalProperties"})
    required = schema.get("required", [])
    fields = [
        f"  {name}{'' if name in required else '?'}: {_type(field)};\n" for name, field in schema["properties"].items()
    ]
    return "{\n" + "".join(fields) + "}"


def _type(schema: Schema) -> str:
    """Return one type as an expression."""
    if "$ref" in schema:
        _refuse_unknown(schema, {"$ref"})
        return str(schema["$ref"]).removeprefix("#/$defs/")
    if "const" in schema:
        _refuse_unknown(schema, {"const", "type"})
        return json.dumps(schema["const"])
    if "enum" in schema:
        _refuse_unknown(schema, {"enum", "type"})
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for union in ("anyOf", "oneOf"):
        if union in schema:
            _refuse_unknown(schema, {union})
            return " | ".join(_type(member) for member in schema[union])
    return _typed(schema)


def _typed(schema: Schema) -> str:
    kind = schema.get("type")
    if kind in PRIMITIVES:
        _refuse_unknown(schema, {"type"})
        return PRIMITIVES[kind]
    if kind == "array":
        _refuse_unknown(schema, {"type", "items", "prefixItems"})
        if "prefixItems" in schema:
            return f"[{', '.join(_type(item) for item in schema['prefixItems'])}]"
        item = _type(schema["items"])
        return f"({item})[]" if " | " in item else f"{item}[]"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        _refuse_unknown(schema, {"type", "additionalProperties"})
        return f"Record<string, {_type(schema['additionalProperties'])}>"
    raise ValueError(f"no TypeScript type for {schema}")


def _refuse_unknown(schema: Schema, known: set[str]) -> None:
    if unknown := schema.keys() - known - CONSTRAINTS:
        raise ValueError(f"no TypeScript type for {', '.join(sorted(unknown))} in {schema}")
