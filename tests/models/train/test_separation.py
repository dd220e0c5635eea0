"""A training run on made-up voices: it can be stopped, taken up again, and keeps only what is better."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from models.train.data.corpus import Corpus
from models.train.separation import train as training


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)

    def corpora(*_: object) -> dict[str, Corpus]:
        found = {}
        for split in ("train", "dev"):
            corpus = Corpus(torch.device("cpu"))
            for _ in range(4):
                corpus.add("librispeech", rng.integers(-3000, 3000, 50_000).astype(np.int16), None)
            corpus.close({"librispeech": 1.0})
            found[split] = corpus
        return found

    monkeypatch.setattr(training, "load_corpora", corpora)
    monkeypatch.setattr(training, "CHECK_SCENES", 2)
    monkeypatch.setattr(training, "CHECK_ROWS", 2)


def run(out: Path, *more: str) -> training.SeparatorTrainer:
    line = ["--data", "x", "--out", str(out), "--minutes", "0.02", "--whole", "1", "--rows", "2", "--frames", "8"]
    made = training.SeparatorTrainer(training.options().parse_args([*line, "--log-every", "1", *more]))
    made.run()
    return made


def curve(out: Path) -> list[dict[str, float | str]]:
    return [json.loads(line) for line in out.with_suffix(".jsonl").read_text().splitlines()]


def test_a_slice_and_its_continuation(tmp_path: Path) -> None:
    out = tmp_path / "net.safetensors"
    first = run(out, "--start", "none")
    assert first.step >= 1 and {value.dtype for value in load_file(out).values()} == {torch.float16}
    again = run(out, "--start", "none", "--resume")
    assert again.step > first.step and again.spent > first.spent
    kinds = [line["kind"] for line in curve(out)]
    assert kinds.count("train") == again.step and kinds.count("dev") == 2
    assert again.best <= first.best
    assert set(torch.load(out.with_suffix(".ckpt"), weights_only=True)) >= {"net", "mean", "optimiser", "step"}


def test_what_is_no_better_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "net.safetensors"
    losses = iter([-5.0, -4.0])
    monkeypatch.setattr(training.SeparatorTrainer, "validate", lambda self: {"loss": next(losses)})
    made = run(out)
    assert made.best == -5.0 and not out.exists() and out.with_suffix(".ckpt").exists()


def test_learning_rate_rises_falls_and_ends_near_nothing(tmp_path: Path) -> None:
    options = training.options().parse_args(
        ["--data", "x", "--out", str(tmp_path / "a"), "--minutes", "1", "--whole", "2"]
    )
    made = training.SeparatorTrainer(options)
    rates = []
    for step, spent in ((0, 0.0), (training.WARM, 0.0), (training.WARM, 60.0), (training.WARM, 120.0)):
        made.step, made.spent = step, spent
        rates.append(made._rate() / options.rate)
    assert rates == pytest.approx([1.01 / training.WARM, 1.01, 0.51, 0.01])


def test_the_comparison_takes_what_fits_of_the_separator(tmp_path: Path) -> None:
    made = run(tmp_path / "pit.safetensors", "--net", "pit")
    assert made.net.out.weight.shape[0] == 2 * 3 * 257
    with pytest.raises(RuntimeError):
        made.net.load_state_dict(load_file(training.WEIGHTS))


def test_the_check_is_the_same_every_time(tmp_path: Path) -> None:
    made = run(tmp_path / "net.safetensors")
    state = torch.get_rng_state()
    assert made.validate() == made.validate()
    assert torch.equal(torch.get_rng_state(), state)
