"""ES modules in one file: a browser asks for each by itself, and the way to the server and back costs more than most.

Every module becomes a function that returns what it exports, each called once, after those that it imports.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from graphlib import TopologicalSorter

IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+|\{[^}]*\})", re.MULTILINE)
OTHER = re.compile(r"^(?:import|export)\b.*|\bimport(?:\.meta\b|\s*\().*", re.MULTILINE)
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*\*(?:[^*]|\*(?!/))*\*/[ \t]*)\n", re.MULTILINE)
"""One with lines of its own."""


def bundle(main: str, read: Callable[[str], str]) -> str:
    """Put a module and all that it imports into one module, without comments.

    Args:
        main: its path.
        read: returns the text of a module by its path.

    Returns:
        A module that does the same. Names that it throws, and its functions, are as they were.

    Raises:
        ValueError: a module has another form of import or export than `import { a, b as c } from "./x.js";` and
            `export class`, `function`, `async function` or `const`.
        graphlib.CycleError: modules import one another in a circle.
    """
    texts: dict[str, str] = {}
    imports: dict[str, set[str]] = {}
    waiting = [main]
    while waiting:
        path = waiting.pop()
        if path in texts:
            continue
        texts[path] = COMMENT.sub("", read(path))
        imports[path] = {_target(path, target) for _, target in IMPORT.findall(texts[path])}
        waiting += sorted(imports[path])
    order = TopologicalSorter({path: sorted(imports[path]) for path in sorted(imports)}).static_order()
    return "const modules = {};\n" + "".join(_linked(path, texts[path]) for path in order)


def _target(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _linked(path: str, text: str) -> str:
    """Return a module as a statement that sets `modules[path]`."""

    def taken(match: re.Match[str]) -> str:
        return f'const {match[1].replace(" as ", ": ")} = modules["{_target(path, match[2])}"];'

    exported = ", ".join(names.strip("{ }") for _, names in EXPORT.findall(text))
    text = EXPORT.sub(r"\1 \2", IMPORT.sub(taken, text))
    if other := OTHER.search(text):
        raise ValueError(f"{path}: cannot be bundled: {other[0]}")
    # Asynchronous, for a module may wait for something before others begin.
    return f'modules["{path}"] = await (async () => {{\n{text}return {{ {exported} }};\n}})();\n'
