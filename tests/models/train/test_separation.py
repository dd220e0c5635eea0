"""Training of the network on made-up people: held, stopped and taken up; the best is kept; the whole GPU path."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.separation.network import Extractor
from models.train.data.reverb import LENGTH, TALKERS
from models.train.data.stems import write_noise, write_split
from models.train.separation import probe, train
from models.train.separation.loss import loss_of
from models.train.separation.probe import KNOWN, look, scenes
from tests.models.train.people import write_people

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, out = write_people(tmp_path_factory.mktemp("data"), 5, each=2), tmp_path_factory.mktemp("stems")
    bank = np.zeros((1, TALKERS, LENGTH), np.float32)
    bank[..., 16] = 1
    for split in ("train", "dev"):
        write_split(data, out, split, bank, (1.0,), 2)
    write_noise(data, out, 10)
    return out


@pytest.fixture(autouse=True)
def short_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "BLOCKS", 30)


def command(stems: Path, out: Path, *more: str) -> list[str]:
    line = ["--stems", str(stems), "--out", str(out), "--whole", "1", "--rows", "4", "--blocks", "20"]
    return [*line, "--width", "16", "--check", "2", "--log-every", "1", *more]


def run(stems: Path, out: Path, *more: str) -> train.SeparatorTrainer:
    options = train.options().parse_args(command(stems, out, "--minutes", "0.02", *more))
    made = train.SeparatorTrainer(options, lambda: Extractor(options.width))
    made.run()
    return made


def curve(out: Path) -> list[dict[str, float | str]]:
    return [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]


def test_a_slice_and_its_continuation(stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    first = run(stems, out)
    assert first.step >= 1 and {value.dtype for value in load_file(out).values()} == {torch.float16}
    again = run(stems, out, "--resume")
    assert again.step > first.step and again.spent > first.spent and again.best <= first.best
    lines = curve(out)
    assert sum(line["kind"] == "train" for line in lines) == again.step
    assert sum(line["kind"] == "dev" for line in lines) == 2 and set(KNOWN) <= set(lines[-1])


def test_all_that_a_run_needs_is_in_its_checkpoint(stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    first = run(stems, out)
    options = train.options().parse_args(command(stems, out, "--minutes", "0", "--resume"))
    again = train.SeparatorTrainer(options, lambda: Extractor(options.width))
    for one, other in ((first.net, again.net), (first.mean, again.mean)):
        assert all(torch.equal(one.state_dict()[k], v) for k, v in other.state_dict().items())
    assert (again.step, again.spent, again.best) == (first.step, first.spent, first.best)
    moments = zip(first.optimiser.state.values(), again.optimiser.state.values(), strict=True)
    assert all(torch.equal(a["exp_avg"], b["exp_avg"]) for a, b in moments)


def test_weights_alone_are_a_beginning_too(stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    run(stems, out)
    line = command(stems, tmp_path / "other.safetensors", "--minutes", "0", "--start", str(out))
    again = train.SeparatorTrainer(train.options().parse_args(line), lambda: Extractor(16))
    assert again.step == 0
    assert all(torch.equal(again.mean.state_dict()[k], v.float()) for k, v in load_file(out).items())


def test_what_is_no_better_is_not_written(stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([-1.0, -2.0, -1.5])
    monkeypatch.setattr(train, "look", lambda *_: {"loss": next(losses)})
    out = tmp_path / "net.safetensors"
    run(stems, out)
    run(stems, out, "--resume")
    best = out.read_bytes()
    made = run(stems, out, "--resume")
    assert made.best == -2.0 and out.read_bytes() == best


def test_the_rate_rises_stays_and_falls() -> None:
    rates = [train.rate_at(0, 0.0), train.rate_at(train.WARM, 0.0), train.rate_at(9999, 0.7)]
    assert rates == [1 / train.WARM, 1.0, pytest.approx(1.0)]
    assert train.rate_at(9999, 0.85) == pytest.approx(0.5) and train.rate_at(9999, 1.0) == 0.02


def test_the_look_is_the_same_every_time_and_disturbs_nothing(stems: Path, tmp_path: Path) -> None:
    made = run(stems, tmp_path / "net.safetensors")
    state = torch.get_rng_state()
    first, second = (look(made.mean, made.dev, 2) for _ in range(2))
    assert first == second and torch.equal(torch.get_rng_state(), state)


def test_scenes_of_the_look_tell_what_they_say(stems: Path, tmp_path: Path) -> None:
    made = run(stems, tmp_path / "net.safetensors")
    found = dict(scenes(made.dev, 2))
    both, this, activity = (found[name] for name in KNOWN)
    assert both.odds.abs().max() == 0 and this.odds.abs().max() == 0 and activity.prints.abs().max() == 0
    assert this.prints[1::2].abs().max() == 0 and torch.equal(this.prints[::2], both.prints[::2])
    assert activity.odds[..., 1].min() >= 0 and torch.equal(both.mix, this.mix) and torch.equal(both.mix, activity.mix)


def test_loss_is_best_at_the_right_level_and_for_silence_of_the_silent() -> None:
    torch.manual_seed(0)
    S, noise = torch.randn(2, 2, 321, 8, dtype=torch.complex64)
    S[1] = 0
    X = S + noise
    levels = [float(loss_of(S * gain, S, X).snr[0]) for gain in (0.5, 1.0, 2.0)]
    assert levels == pytest.approx([-10 * np.log10(0.26), 20.0, -10 * np.log10(1.01)], abs=0.01)
    quiet, loud = loss_of(0 * X, S, X), loss_of(X, S, X)
    assert float(quiet.residual[1]) == pytest.approx(-30) and float(loud.residual[1]) == pytest.approx(0, abs=0.01)
    assert torch.isnan(quiet.snr[1]) and torch.isnan(quiet.residual[0])


def test_gradients_reach_everything(stems: Path, tmp_path: Path) -> None:
    made = run(stems, tmp_path / "net.safetensors")
    made.options.rows, made.options.blocks = 32, 40
    made.train_step()
    assert all(p.grad is not None and bool(p.grad.abs().max() > 0) for p in made.net.parameters())


def test_a_run_that_is_held_goes_on(stems: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    line = [sys.executable, "-m", "models.train.separation.train", *command(stems, out, "--minutes", "0.05")]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "'step': 1," in process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        threading.Timer(1.0, process.send_signal, [signal.SIGCONT]).start()
        steps = sum("train" in text for text in process.stdout)
    assert process.returncode == 0 and steps > 1 and out.exists()


def test_the_path_to_a_gpu_and_back(tmp_path: Path) -> None:
    tree, far, back = tmp_path / "tree", tmp_path / "far", tmp_path / "back"
    (tree / "scripts").mkdir(parents=True)
    (tree / "scripts" / "gpu_training").symlink_to(ROOT / "scripts" / "gpu_training")
    (tree / "models").symlink_to(ROOT / "models")
    back.mkdir()
    data = write_people(tmp_path / "data", 5, each=2, ogg=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {
        **os.environ,
        "FAR": str(far),
        "OUT": str(back),
        "ROOMS": "2",
        "STEMS": "--speeds 1.0 --snippets 1",
        "PATH": path,
        "OMP_NUM_THREADS": "1",
    }

    def script(*line: str) -> None:
        done = subprocess.run(
            ["bash", "scripts/gpu_training", *line], cwd=tree, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    tiny = ["--width", "16", "--rows", "4", "--blocks", "20", "--check", "2", "--log-every", "1"]
    script("pack", str(data), "100k")
    assert len(list((tree / ".cache" / "pack").glob("part.*"))) > 1
    script("keep")
    script("slice", "0.02", "1", *tiny)
    first = len(curve(back / "network.safetensors"))
    script("slice", "0.02", "1", *tiny)
    assert len(curve(back / "network.safetensors")) > first
    script("join", str(back), str(tmp_path / "joined.safetensors"))
    found = load_file(tmp_path / "joined.safetensors")
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in Extractor(16).state_dict().items()
    }
