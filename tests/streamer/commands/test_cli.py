"""The command line: bad input is one line and code 2; doctor's findings decide its code."""

import errno
import importlib.machinery
import importlib.util
import io
import os
import socket

import pytest
from rich.console import Console

from models.speech.transcriber import SECOND_READER
from models.vision import sentences
from streamer.__main__ import main
from streamer.commands import doctor
from streamer.commands.serve import page_address
from streamer.errors import ConnectionLost
from streamer.settings import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    return caught.value.code


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--port", "x"],
        ["serve", "--port", "70000"],
        ["serve", "--host", "0.0.0.0"],
        ["serve", "--tls-cert", "absent.pem"],
        ["process"],
        ["process", "a.mp4"],
        ["join", "--room", "r", "--invite", "i"],
        ["join", "--room", "r", "--invite", "i", "--demo", "--file", "a.mp4"],
        ["doctor", "--port", "-1"],
        ["process", "a.mp4", "--out", "o", "--mix", "--audio-track", "2"],
        ["process", "a.mp4", "--out", "o", "--mic-per-track", "--mic-per-channel"],
        ["transcribe", "a.mp4", "--audio-track", "0"],
    ],
)
def test_bad_input_is_one_line_and_code_2(arguments, capsys):
    assert run(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("earshot: ") and output.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--help"], ["serve", "--help"]])
def test_help(arguments, capsys):
    assert run(*arguments) == 0
    assert "Usage" in capsys.readouterr().out


def test_a_lost_connection_is_code_1(monkeypatch, capsys):
    def lose(**arguments):
        raise ConnectionLost("the connection to the server was lost")

    monkeypatch.setattr("streamer.commands.join.join_command", lose)
    assert run("join", "--room", "r", "--demo") == 1
    assert capsys.readouterr().err == "earshot: the connection to the server was lost\n"


def test_page_address():
    assert page_address(Settings(), 8000) == "http://localhost:8000"
    assert page_address(Settings(host="192.0.2.1", insecure=True), 1) == "http://192.0.2.1:1"


def test_serve_names_a_free_port_when_its_own_is_taken(capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run("serve", "--port", str(port)) == 2
        said = capsys.readouterr().err
        other = int(said.split()[-1])
        assert said == f"earshot: port {port} is in use: try --port {other}\n"
        with socket.socket() as free:
            free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            free.bind(("127.0.0.1", other))
            free.listen()
            assert run("serve", "--port", str(port)) == 2
            assert int(capsys.readouterr().err.split()[-1]) > other


def test_doctor_prints_every_finding_and_a_taken_port_is_no_failure():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        out = io.StringIO()
        settings = Settings(port=taken.getsockname()[1])
        doctor.report(settings, Console(file=out, width=200))
        assert [finding.level for finding in doctor.check_port(settings)] == ["poor", "good"]
    text = out.getvalue()
    assert "Address already in use" in text
    for wanted in ("Codec VP8", "Codec Opus", "ICE host addresses", "torch", "STUN and TURN"):
        assert wanted in text


def test_doctor_compares_weights_with_the_hashes_in_their_cards(tmp_path, monkeypatch):
    (tmp_path / "a.safetensors").write_bytes(b"a")
    (tmp_path / "b.safetensors").write_bytes(b"b")
    monkeypatch.setattr(doctor, "WEIGHTS", tmp_path)
    assert [f.level for f in doctor.check_weights(Settings())] == ["poor", "poor"]
    good = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text(f"# Card\n\nSHA-256: `{good}`\n")
    assert [f.level for f in doctor.check_weights(Settings())] == ["good", "bad"]


@pytest.mark.parametrize(
    ("installed", "level", "answer"), [(True, "good", "Whisper base"), (False, "poor", "languages")]
)
def test_doctor_says_whether_captions_are_read_twice(monkeypatch, installed, level, answer):
    find = importlib.util.find_spec
    found = importlib.machinery.ModuleSpec("second reader", None)
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: (found if installed else None) if name in SECOND_READER else find(name),
    )
    (captions, second) = doctor.check_speech(Settings())
    assert captions.level == "good"
    assert (second.question, second.level) == ("Second reading", level) and answer in second.answer
    assert doctor.check_speech(Settings(speech="none")) == [doctor.Finding("Captions", "good", "not wanted")]


@pytest.mark.parametrize(("there", "level", "answer"), [(True, "good", "MiniLM"), (False, "poor", "earshot[meaning]")])
def test_doctor_says_whether_searches_go_by_meaning(monkeypatch, there, level, answer):
    monkeypatch.setattr(sentences, "installed", lambda: there)
    (finding,) = doctor.check_search(Settings())
    assert (finding.question, finding.level) == ("Search", level) and answer in finding.answer
    assert doctor.check_search(Settings(observer=False)) == [doctor.Finding("Search", "good", "not wanted")]


def test_a_check_that_breaks_is_a_finding(monkeypatch):
    def check_broken(settings):
        raise RuntimeError("on purpose")

    monkeypatch.setattr(doctor, "CHECKS", (check_broken,))
    (finding,) = doctor.examine(Settings())
    assert (finding.question, finding.level) == ("broken", "bad")
    assert "on purpose" in finding.answer


@pytest.mark.parametrize(
    ("number", "code", "said"), [(errno.ENOSPC, 2, "earshot: cannot write: "), (errno.EPIPE, 1, "")]
)
def test_a_full_disk_below_the_output_is_one_line(monkeypatch, capfd, number, code, said):
    class Full(io.StringIO):
        def flush(self):
            raise OSError(number, os.strerror(number))

    kept = os.dup(1)
    try:
        monkeypatch.setattr("sys.stdout", Full())
        assert run("--help") == code
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    errors = capfd.readouterr().err
    assert errors.startswith(said) and errors.count("\n") == bool(said)
