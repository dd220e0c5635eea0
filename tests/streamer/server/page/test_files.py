"""The page over HTTP: one script and one sheet under names of their content, packed, and asked for once."""

import gzip
import re

import pytest

from streamer.server.app import WEB
from tests.streamer.server.http import client

STATIC = re.compile(r'(?:href|src)="(/static/[^"#]+\.(?:css|js))"')


async def test_the_page_is_one_sheet_and_one_script_kept_for_ever():
    async with client() as http:
        page = await http.get("/r/abcdef")
        assert page.headers["cache-control"] == "no-cache"
        sheet, script = STATIC.findall(page.text)
        for path, media_type, least in ((sheet, "text/css", 30_000), (script, "text/javascript", 200_000)):
            answer = await http.get(path)
            assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-encoding"] == "gzip" and len(answer.content) > least
        styles = re.findall(r'stylesheet" href="/static/([^"]+)', (WEB / "index.html").read_text("utf-8"))
        assert (await http.get(sheet)).text == "".join((WEB / name).read_text("utf-8") for name in styles)


async def test_a_text_comes_packed_or_plain_as_the_client_takes_it_and_once():
    plain = (WEB / "texts/ko.json").read_bytes()
    async with client() as http:
        tags = set()
        for takes, packed in (
            ("gzip", True),
            ("br, GZIP;q=0.5", True),
            ("*", True),
            ("identity", False),
            ("gzip;q=0, *;q=0", False),
            ("", False),
        ):
            asked = {"Accept-Encoding": takes}
            async with http.stream("GET", "/static/texts/ko.json", headers=asked) as answer:
                body = b"".join([part async for part in answer.aiter_raw()])
            assert answer.headers["vary"] == "Accept-Encoding"
            assert answer.headers["cache-control"] == "no-cache"
            assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
            assert (gzip.decompress(body) if packed else body) == plain
            assert int(answer.headers["content-length"]) == len(body)
            tag = answer.headers["etag"]
            tags.add(tag)
            for known, status in ((tag, 304), (f'"other", W/{tag}', 304), ("*", 304), ('"other"', 200)):
                again = await http.get("/static/texts/ko.json", headers=asked | {"If-None-Match": known})
                assert again.status_code == status
                assert again.headers["etag"] == tag
        assert len(tags) == 2


async def test_a_film_comes_in_the_part_that_is_asked_for():
    async with client() as http:
        part = await http.get("/static/home.webm", headers={"Range": "bytes=4-7"})
        assert part.status_code == 206
        assert part.content == (WEB / "home.webm").read_bytes()[4:8]


@pytest.mark.parametrize("bundle", [True, False])
async def test_only_reading_is_answered(bundle: bool):
    async with client(bundle=bundle) as http:
        for path in ("/", "/static/main.js", "/static/home.webm"):
            assert (await http.head(path)).status_code == (405 if path == "/" else 200)
            assert (await http.post(path)).status_code == 405


async def test_who_works_on_the_page_has_it_as_it_stands():
    async with client(bundle=False) as http:
        assert (await http.get("/")).content == (WEB / "index.html").read_bytes()
        module = await http.get("/static/main.js")
        assert module.content == (WEB / "main.js").read_bytes()
        assert module.headers["cache-control"] == "no-cache"
