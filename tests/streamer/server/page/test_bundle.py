"""Modules in one file: every form of import and export, in order, and what cannot be put there is named."""

import graphlib
import re
from pathlib import Path

import pytest

from streamer.server.app import WEB
from streamer.server.page.bundle import bundle

MODULES = {
    "main.js": """
/** Entry. */
import { Ear, open } from "./call/ear.js";
import {
  t as text,
  language,
} from "./texts.js";

// A comment of its own.
new Ear(text("/* no comment */"), open, language); // one behind code
""",
    "call/ear.js": """
import { t } from "../texts.js";

/**
 * An ear.
 * @param {string} a
 */
export class Ear {
  // import { no } from "./nowhere.js";
  name = t("ear");
}
export async function open() {}
function kept() {}
""",
    "texts.js": """
export const language = "en";
export const { t, u } = await words();
""",
}

BUNDLED = """const modules = {};
modules["texts.js"] = await (async () => {

const language = "en";
const { t, u } = await words();
return { language, t, u };
})();
modules["call/ear.js"] = await (async () => {

const { t } = modules["texts.js"];

class Ear {
  name = t("ear");
}
async function open() {}
function kept() {}
return { Ear, open };
})();
modules["main.js"] = await (async () => {

const { Ear, open } = modules["call/ear.js"];
const {
  t: text,
  language,
} = modules["texts.js"];

new Ear(text("/* no comment */"), open, language); // one behind code
return {  };
})();
"""


def test_modules_become_one_in_the_order_of_their_imports():
    assert bundle("main.js", MODULES.__getitem__) == BUNDLED


@pytest.mark.parametrize(
    "line",
    [
        'import * as all from "./texts.js";',
        'import "./texts.js";',
        'import Ear from "./texts.js";',
        "export default 3;",
        "export { kept };",
        'export * from "./texts.js";',
        "export let many = 3;",
        'const texts = await import("./texts.js");',
        "const here = import.meta.url;",
    ],
)
def test_another_form_is_refused_by_name(line: str):
    with pytest.raises(ValueError, match=r"main\.js: cannot be bundled: "):
        bundle("main.js", {"main.js": f"{line}\n", "texts.js": ""}.__getitem__)


def test_a_circle_is_refused():
    modules = {"a.js": 'import { b } from "./b.js";\n', "b.js": 'import { a } from "./a.js";\n'}
    with pytest.raises(graphlib.CycleError):
        bundle("a.js", modules.__getitem__)


def test_the_pages_script_has_all_modules_once_and_asks_for_none():
    def read(path: str) -> str:
        return (WEB / path).read_text("utf-8")

    script = bundle("main.js", read)
    names = re.findall(r'^modules\["(.+)"\] = ', script, re.MULTILINE)
    assert len(names) == len(set(names)) > 90 and names[-1] == "main.js"
    assert not re.search(r"^\s*(?:import|export)\b", script, re.MULTILINE)
    assert set(names) <= {path.relative_to(WEB).as_posix() for path in Path(WEB).rglob("*.js")}
