"""The wheel carries all that the server needs: page, weights and schema."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
FOR_DEVELOPERS = (".d.ts", "RESULTS.md")

RUN = "import streamer, web, models, sys; print(streamer.__file__, web.__file__, models.__file__, flush=True)"
RUN += "; from streamer.__main__ import main; main(sys.argv[1:])"


def pip(*arguments: str | Path) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([sys.executable, "-m", "pip", *map(str, arguments), *quiet], check=True, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git tracks: a build leaves files beside its sources."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "source" / name).write_bytes((ROOT / name).read_bytes())
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    (built,) = folder.glob("earshot-*.whl")
    return built


def test_every_file_of_the_packages_is_inside(wheel: Path) -> None:
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "streamer", "models", "web"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    tracked = {name for name in names if (ROOT / name).is_file() and not name.endswith(FOR_DEVELOPERS)}
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    assert tracked - inside == set()
    assert not any(name.startswith(("tests/", "bench/", "scripts/")) for name in inside)


def test_the_demo_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip("install", "--target", site, wheel)
    environment = os.environ | {"PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}
    environment |= {"EARSHOT_ENGINE": "false", "EARSHOT_OBSERVER": "false"}
    # -P: the folder it is started in is not looked through.
    command = [sys.executable, "-P", "-c", RUN, "serve", "--demo", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for file in process.stdout.readline().split():
                assert Path(file).is_relative_to(site)
            # Read until the address: a server that cannot start closes its output.
            address = process.stdout.readline().split()[-1].partition("/r/")[0]
            with httpx.Client(base_url=address, timeout=30) as http:
                page = http.get("/")
                assert page.status_code == 200
                assert "<title>" in page.text
                for name in ("tile/tile.js", "texts/ko.json", "icons.svg", "style.css", "messages.schema.json"):
                    served = http.get(f"/static/{name}")
                    assert served.status_code == 200, name
                    assert served.content == (ROOT / "web" / name).read_bytes()
                assert http.get("/health").status_code == 200
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
