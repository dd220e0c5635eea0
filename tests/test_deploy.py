"""What scripts/deploy holds: a unit that systemd takes and finds hardened, and a container's steps that can be done."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from streamer.cli import app
from streamer.commands.serve import HARD_EXIT_SECONDS
from streamer.settings import Settings

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "scripts" / "deploy" / "earshot.service"
CONTAINERFILE = ROOT / "scripts" / "deploy" / "Containerfile"
MOST_EXPOSURE = 1.5
"""Of 10, as `systemd-analyze security` counts."""

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@pytest.fixture
def unit(tmp_path):
    """The unit with a program that is there."""
    path = tmp_path / UNIT.name
    text, changed = re.subn(
        r"(?m)^ExecStart=/opt/earshot/.venv/bin/earshot", f"ExecStart={sys.executable}", UNIT.read_text()
    )
    assert changed == 1
    path.write_text(text)
    return path


@systemd
def test_systemd_takes_the_unit(unit):
    checked = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@systemd
def test_the_service_is_hardened(unit):
    command = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSURE * 10:g}", unit]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout[-300:] + checked.stderr


def test_the_unit_starts_what_there_is_and_leaves_time_for_its_end():
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    service = parser["Service"]
    program, command = shlex.split(service["ExecStart"])
    assert Path(program).name == "earshot" and command in get_command(app).commands
    environment = dict(pair.split("=") for pair in service["Environment"].split())
    ours = {name.removeprefix("EARSHOT_").lower() for name in environment if name.startswith("EARSHOT_")}
    assert ours and ours <= Settings.model_fields.keys()
    assert float(service["TimeoutStopSec"]) > float(environment["EARSHOT_DRAIN"]) + HARD_EXIT_SECONDS
    assert service["KillMode"] == "mixed", "voices have to be there until the last call has ended"


def instructions():
    text = CONTAINERFILE.read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_what_the_container_copies_is_there_and_its_programs_are_known():
    known = {"python3", "useradd", ".venv/bin/python"}
    for name, rest in instructions():
        assert name in {"FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
        if name == "RUN":
            for step in rest.split("&&"):
                assert shlex.split(step)[0] in known, step
        elif name == "COPY" and not rest.startswith("--from"):
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() for source in sources), rest
    stage = [rest for name, rest in instructions() if name == "FROM"]
    assert len({image.split()[0] for image in stage}) == 1, "an environment is good for the Python it was made with"


def test_the_container_runs_a_command_there_is_as_nobody_in_particular():
    said = dict(instructions())
    assert said["ENTRYPOINT"] == '["/opt/earshot/.venv/bin/earshot"]' and said["CMD"] == '["serve"]'
    names = [name for name, _ in instructions()]
    assert said["USER"] == "earshot" and names.index("USER") > max(i for i, n in enumerate(names) if n == "RUN")
    assert "serve" in get_command(app).commands and said["STOPSIGNAL"] == "SIGTERM"
