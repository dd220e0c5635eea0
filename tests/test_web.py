"""The page's modules: imports run one way, without circles, and no file grows past reading."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter
from pathlib import Path, PurePosixPath

import pytest

WEB = Path(__file__).parents[1] / "web"
LAYERS = ("texts", "ui", "call", "portrait", "tile", "panels", "screens", "report")
"""A folder may import from itself and from those before it; `main.js` from all, and all types from `types.d.ts`."""

MOST_LINES = 350
GENERATED = {"messages.d.ts", "messages.schema.json", "events.schema.json", "transcript.schema.json"}

IMPORT = re.compile(
    r"""(?:^\s*import\b[^;]*?|^\s*export\b[^;]*?\bfrom\s*|@import\s[^*]*?\bfrom\s*|\bimport\(\s*)["'](\.[^"']+)["']""",
    re.MULTILINE,
)


def imports(path: str, text: str) -> set[str]:
    """Modules that one imports, types included, as paths in web/."""
    found = set()
    for target in IMPORT.findall(text):
        parts = list(PurePosixPath(path).parent.parts)
        for part in PurePosixPath(target).parts:
            if part == "..":
                parts.pop()
            else:
                parts.append(part)
        found.add("/".join(parts))
    return found


def graph() -> dict[str, set[str]]:
    paths = [path.relative_to(WEB).as_posix() for path in WEB.rglob("*.js")]
    return {path: imports(path, (WEB / path).read_text(encoding="utf-8")) for path in paths}


def upward(modules: dict[str, set[str]]) -> list[str]:
    """Imports that a layer may not have."""

    def layer(path: str) -> int:
        folder, _, file = path.rpartition("/")
        return LAYERS.index(folder) if file and folder else len(LAYERS)

    return [
        f"{path} imports {target}"
        for path, targets in sorted(modules.items())
        for target in sorted(targets - {"types.js"})
        if layer(target) > layer(path)
    ]


def test_imports_are_found_in_every_form():
    text = """
        import { a } from "./a.js";
        import {
          b,
        } from "../ui/b.js";
        import "./c.js";
        /** @import { D } from "../types.js" */
        /** @typedef {{ heat: import("./e.js").Heat }} Seen */
        // const no = "./f.js";
    """
    assert imports("tile/x.js", text) == {"tile/a.js", "ui/b.js", "tile/c.js", "types.js", "tile/e.js"}


def test_every_import_is_there():
    modules = graph()
    assert len(modules) > 30
    for path, targets in modules.items():
        assert targets - {"types.js"} <= modules.keys(), path


def test_imports_run_one_way():
    assert upward(graph()) == []
    assert upward({"tile/a.js": {"panels/b.js", "types.js", "ui/c.js", "main.js"}}) == [
        "tile/a.js imports main.js",
        "tile/a.js imports panels/b.js",
    ]


def test_imports_make_no_circle():
    # Raises CycleError, which names the circle.
    TopologicalSorter(graph()).prepare()


@pytest.mark.parametrize("suffix", [".js", ".css", ".html", ".d.ts"])
def test_no_file_is_too_long(suffix: str):
    files = [path for path in WEB.rglob(f"*{suffix}") if path.name not in GENERATED]
    assert files
    long = {path.name: lines for path in files if (lines := len(path.read_text("utf-8").splitlines())) > MOST_LINES}
    assert long == {}
