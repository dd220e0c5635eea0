"""The files of the page: its modules in one script, its styles in one sheet, texts packed, everything else as it is."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Scope

from streamer.server.page.bundle import bundle
from streamer.server.page.text import FOR_EVER, Text

SHEETS = re.compile(r'(?:^ *<link rel="stylesheet" href="/static/[^"]+">\n)+', re.MULTILINE)
SHEET = re.compile(r'href="/static/([^"]+)"')
SCRIPT = re.compile(r'<script type="module" src="/static/([^"]+)"></script>')

TEXTS = (".js", ".css", ".svg", ".json", ".html")
"""Files worth packing."""


@dataclass(frozen=True)
class Page:
    """What a browser loads.

    Attributes:
        html: the page.
        texts: what it asks for under /static, and all other texts there, by their paths.
    """

    html: Text
    texts: Mapping[str, Text]

    @classmethod
    def of(cls, folder: Path) -> Page:
        """Read a page from its sources, in a tenth of a second.

        Args:
            folder: with index.html, its styles and its modules.

        Raises:
            OSError: a file is missing.
            ValueError: a module cannot be bundled, or index.html names no style sheets and no script.
        """
        html = (folder / "index.html").read_text("utf-8")
        sheets, script = SHEETS.search(html), SCRIPT.search(html)
        if sheets is None or script is None:
            raise ValueError("index.html names no style sheets or no script")
        texts = {
            path.relative_to(folder).as_posix(): Text.of(path.read_text("utf-8"), _media_type(path))
            for path in sorted(folder.rglob("*"))
            if path.suffix in TEXTS
        }
        style = "".join((folder / name).read_text("utf-8") for name in SHEET.findall(sheets[0]))
        code = bundle(script[1], lambda path: (folder / path).read_text("utf-8"))
        one_sheet, one_script = Text.of(style, "text/css", FOR_EVER), Text.of(code, "text/javascript", FOR_EVER)
        sheet_name, script_name = f"page-{one_sheet.digest}.css", f"page-{one_script.digest}.js"
        texts |= {sheet_name: one_sheet, script_name: one_script}
        html = html.replace(sheets[0], f'    <link rel="stylesheet" href="/static/{sheet_name}">\n')
        html = html.replace(script[0], f'<script type="module" src="/static/{script_name}"></script>')
        return cls(Text.of(html, "text/html"), texts)


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "text/plain"


class PageFiles(StaticFiles):
    """Serves the texts of a page from memory, and all other files of its folder from there.

    Args:
        folder: of the page.
        page: the page.
    """

    def __init__(self, folder: Path, page: Page) -> None:
        super().__init__(directory=folder)
        self._page = page

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer a request for a file."""
        text = self._page.texts.get(path)
        if text is None:
            return await super().get_response(path, scope)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        return text.answer(Headers(scope=scope))
