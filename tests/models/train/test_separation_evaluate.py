"""The evaluation on made-up people: what its systems, scenes and tables must hold."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from models.common.audio import SAMPLE_RATE
from models.separation.runtime import WEIGHTS, SeparatorRuntime
from models.train.data.datasets import clips, noises, source
from models.train.data.mix import AcousticScene
from models.train.data.speakers import LISTS
from models.train.separation import pace, report, targets, trials
from models.train.separation.evaluate import Measured
from models.train.separation.extraction import extract
from models.train.separation.systems import figures_of, ideal_ratio_mask, mixture, with_cues
from models.train.separation.word_errors import LiveTranscriber, mixed, sentences
from tests.models.train.people import write_people


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_people(tmp_path_factory.mktemp("data"), 28)


@pytest.fixture(scope="module")
def maker(folder: Path) -> trials.Maker:
    trials_bank = trials.TEST_ROOMS
    trials.TEST_ROOMS = 2
    made = trials.Maker(folder, "test", 3)
    trials.TEST_ROOMS = trials_bank
    return made


@pytest.fixture(scope="module")
def main(maker: trials.Maker) -> dict[str, trials.Condition]:
    return maker.main()


def test_sets_and_noise(folder: Path) -> None:
    assert {clip.speaker for clip in clips(folder, source("news_arabic"))} == {
        name for split in json.loads(LISTS.read_text())["news_arabic"].values() for name in split[:3]
    }
    assert len(noises(folder)) == 1 and len(noises(folder, test=True)) == 2


def test_scenes_are_what_their_names_say(main: dict[str, trials.Condition]) -> None:
    count = {name: float(one.trials[0].scene.talkers[0]) for name, one in main.items()}
    assert count == {"two talkers": 2, "three talkers": 3, "room + noise": 2, "alone": 1, "silent face": 1}
    for one in main.values():
        scene = one.trials[0].scene
        noise = scene.mix - scene.voice - scene.others.sum(1)
        assert torch.isfinite(scene.mix).all() and noise.abs().max() > 0
    scene = main["room + noise"].trials[0].scene
    noise = scene.mix - scene.voice - scene.others.sum(1)
    level = 10 * torch.log10(scene.voice.pow(2).mean(1) / noise.pow(2).mean(1))
    assert level.tolist() == pytest.approx([trials.NOISE_BELOW] * 3, abs=0.5)
    assert main["silent face"].trials[0].scene.voice.abs().max() == 0


def test_every_further_condition_has_scenes(maker: trials.Maker) -> None:
    more = maker.more()
    assert all(one.trials for one in more.values())
    assert [name for name in more if name.startswith("lips")] == [f"lips {n} ms late" for n in (0, 40, 80, 120)]


def test_same_scenes_every_time(maker: trials.Maker, main: dict[str, trials.Condition]) -> None:
    again = maker.main()["two talkers"].trials[0].scene
    assert torch.equal(again.mix, main["two talkers"].trials[0].scene.mix)
    assert torch.equal(again.lips, main["two talkers"].trials[0].scene.lips)


def test_the_mixture_gains_nothing_and_the_ideal_mask_much(main: dict[str, trials.Condition]) -> None:
    scene = main["two talkers"].trials[0].scene
    same, ideal = (figures_of(system(scene), scene, False) for system in (mixture, ideal_ratio_mask))
    assert same["SI-SDRi"] == pytest.approx([0, 0, 0], abs=1e-4) and same["scale"] == pytest.approx([1] * 3, abs=0.2)
    assert min(ideal["SI-SDRi"]) > 0 and max(ideal["SI-SDRi"]) > 10 and ideal["wrong"] == [0, 0, 0]
    silent = main["silent face"].trials[0].scene
    assert figures_of(silent.mix * 0.1, silent, False)["left"] == pytest.approx([-20] * 3, abs=0.01)


def swapped(scene: AcousticScene) -> torch.Tensor:
    return scene.others[:, 0]


def test_the_other_talker_is_the_wrong_one(main: dict[str, trials.Condition]) -> None:
    scene = main["three talkers"].trials[0].scene
    assert figures_of(swapped(scene), scene, False)["wrong"] == [100, 100, 100]


class Passing:
    """A network that lets everything through and remembers what it was told."""

    def __call__(self, X: torch.Tensor, of: torch.Tensor, *told: torch.Tensor) -> torch.Tensor:
        self.prints, self.odds, self.beside = told
        return X[of]


@pytest.mark.parametrize(("cue", "seen", "known"), [("both", 1, 1), ("lips", 1, 0), ("voice", 0, 1)])
def test_the_network_of_prints_is_told_what_is_known(
    main: dict[str, trials.Condition], cue: str, seen: int, known: int
) -> None:
    scene, net = with_cues(main["two talkers"].trials[0].scene, cue), Passing()
    out = extract(net, scene)  # type: ignore[arg-type]
    torch.testing.assert_close(out, scene.mix, rtol=1e-4, atol=1e-5)  # in time with the scene
    rows = len(scene.mix)
    assert net.prints.norm(dim=1).tolist() == pytest.approx([known] * rows + [0] * rows, abs=1e-4)  # the other's is not
    assert net.odds[:, :200, 1].unique().tolist() == [seen] and (net.odds[..., 0].abs().max() > 0) == bool(seen)
    assert net.beside.sum() == 2 * rows * seen and torch.equal(net.beside, net.beside.T)


def test_the_network_of_prints_needs_speech_to_make_them_of(main: dict[str, trials.Condition]) -> None:
    scene = dataclasses.replace(main["two talkers"].trials[0].scene, enrolment=None)
    with pytest.raises(ValueError, match="enrolment"):
        extract(Passing(), scene)  # type: ignore[arg-type]


@pytest.mark.parametrize(("cue", "seen", "known"), [("both", 1, 1), ("lips", 1, 0), ("voice", 0, 1)])
def test_cues_are_taken_away(main: dict[str, trials.Condition], cue: str, seen: int, known: int) -> None:
    scene = with_cues(main["two talkers"].trials[0].scene, cue)
    assert float(scene.visible.max()) == float(scene.other_visible.max()) == seen and float(scene.known.max()) == known


def test_tables_hold_every_row_and_are_written_between_marks(tmp_path: Path, main: dict[str, trials.Condition]) -> None:
    measured = Measured()
    for name, scenes in main.items():
        measured.add("net", ideal_ratio_mask, name, scenes, True, False)
        if name not in ("alone", "silent face"):
            measured.add("mixture", mixture, name, scenes, False, False)
    text = report.conditions(measured.results, measured.groups, "net")
    assert text.count("\n") == 2 + 9
    assert report.comparison(measured.results, measured.groups, ["net", "mixture"]).count("\n") == 2 + 4
    assert report.quiet_and_alone(measured.results, measured.groups, ["net"]).count("\n") == 2 + 3
    table = targets.table(measured.results, "net", {"mixture": [(9, 10)], "net, both": [(4, 10)]}, None)
    assert table.count("\n") == 2 + len(targets.TARGETS) + 1 and "| 45 | 40.0 | yes |" in table.replace("at most ", "")
    page = tmp_path / "RESULTS.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write(text, page)
    report.write(text, page)
    assert page.read_text() == f"before\n{report.BEGIN}\n{text}\n{report.END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no place"):
        report.write(text, page)


def test_pace_counts_blocks() -> None:
    one = pace.measure(WEIGHTS, "torch", 1, 40, seconds=0.4)
    assert one.latency == 55 and one.cpu > 0 and one.real_time == pytest.approx(one.cpu / 40)
    assert SeparatorRuntime.DELAY == 240


def test_sentences_are_read_and_mixed(tmp_path: Path) -> None:
    (tmp_path / "transcription").write_text("<s> hello there </s> (one)\n<s> good night </s> (two)\n")
    for name in ("one", "two"):
        soundfile.write(tmp_path / f"{name}.wav", np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE), SAMPLE_RATE)
    read = sentences(tmp_path)
    assert [words for words, _ in read] == ["hello there", "good night"]
    person = trials.Person(0, torch.randn(trials.CROP), torch.randn(3 * SAMPLE_RATE))
    scenes = mixed(read, [person])
    assert len(scenes) == 2
    _, scene = scenes[0]
    level = 10 * torch.log10(scene.voice[0, 4000:36000].pow(2).mean() / scene.others[0, 0].pow(2).mean())
    assert abs(float(level)) < 0.5
    (tmp_path / "transcription").write_text("no marks\n")
    with pytest.raises(ValueError, match="not a line"):
        sentences(tmp_path)


def test_the_captioner_hears_nothing_in_silence() -> None:
    assert LiveTranscriber().words(torch.zeros(SAMPLE_RATE)) == ""
