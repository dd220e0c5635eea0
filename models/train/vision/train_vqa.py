"""Train the answers to questions.

    python -m models.train.vision.train_vqa --data DIR --out FILE --minutes N [--resume] [--blind]

DAQUAR and the questions made from Flickr8k's captions (`models/train/vision/vqa_data.py`); pictures that are not
trained on choose the best epoch, the temperature and the thresholds, others are kept for the figures. Half the
batches are seen in a mirror, with "left" and "right" changed over. `--blind` trains the baseline that sees the
question only. Everything that a later run needs is in FILE.ckpt, the curve in FILE.jsonl; FILE is written when the
choosing part is answered better than before. `--evaluate FILE --baseline FILE` prints the figures of the card
instead.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from models.common.eight_bits import pack
from models.train.data.daquar import other_way_round
from models.train.vision.evaluate_vqa import calibrate, evaluate, score
from models.train.vision.vqa_data import Album, kinds_of_answers, known_answers, parts, right_answers
from models.vision.embed import PLACES, load_embedding, padded
from models.vision.embed import WEIGHTS as EMBED_WEIGHTS
from models.vision.vocabulary import UNKNOWN, Vocabulary
from models.vision.vqa import QuestionNet, answers_metadata

LEAST_WORD = 2
"""Times a word has to occur in the training part to be known."""

TOGETHER = 8
"""Questions about one picture in a batch."""

EPOCHS = 3
"""Of so many the averaged weights are averaged again: each knows some kinds of questions best."""

_UNKNOWN_WORD = 0.05


class QuestionTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.random = random.Random(options.seed)
        self.album = Album(options.data, options.cache, mirror=not options.blind)
        questions = self.album.questions["train"]
        self.vocabulary = Vocabulary.of((question.text for question in questions), LEAST_WORD)
        self.answers = known_answers(questions)
        self.kinds = kinds_of_answers(questions, self.answers)
        number = {answer: i for i, answer in enumerate(self.answers)}
        self.right = [[number[part] for part in parts(question.answer) if part in number] for question in questions]
        self.about: dict[int, list[int]] = defaultdict(list)
        for row, question in enumerate(questions):
            if self.right[row]:
                self.about[question.picture].append(row)
        self.net = QuestionNet(len(self.vocabulary), len(self.answers), options.blind)
        self._borrow_words(options.words)
        if options.blind:
            self.seen = [torch.zeros(len(self.album), PLACES, 1)] * 2
        else:
            self.net.places = self.album.prepare()
            self.seen = [self.album.seen(self.net.places, mirror) for mirror in (False, True)]
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        learnt = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(learnt, options.rate, betas=(0.9, 0.98), weight_decay=0.1)
        self.epochs: list[dict[str, Tensor]] = []
        self.step, self.spent, self.best = 0, 0.0, math.inf
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            past = torch.load(self.checkpoint, weights_only=True)
            for name in ("net", "mean", "optimiser"):
                getattr(self, name).load_state_dict(past[name])
            self.step, self.spent, self.best = past["step"], past["spent"], past["best"]
            self.epochs = past["epochs"]
            self.random.seed(options.seed + self.step)  # not the same draws again

    @torch.no_grad()
    def _borrow_words(self, weights: Path) -> None:
        other, vocabulary = load_embedding(weights)
        scale = other.text.words.weight.std()
        for word in self.vocabulary.words:
            number = vocabulary.encode(word)
            if UNKNOWN not in number and len(number) == 1:
                ours = self.vocabulary.encode(word)[0]
                self.net.question.words.weight[ours] = other.text.words.weight[number[0]] / scale

    def save(self) -> None:
        """Write all that is needed to go on."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "mean", "optimiser")}
        state |= {"step": self.step, "spent": self.spent, "best": self.best, "epochs": self.epochs}
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def train_step(self, groups: list[list[int]]) -> float:
        """Train on one batch, `TOGETHER` questions about each of some pictures; return the loss."""
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        for group in self.optimiser.param_groups:
            warm = min(1.0, (self.step + 1) / 50)
            group["lr"] = self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        mirror = self.random.random() < 0.5
        asked = [self.album.questions["train"][row] for rows in groups for row in rows]
        texts = [other_way_round(question.text) if mirror else question.text for question in asked]
        numbers = [self.vocabulary.encode(text) or [UNKNOWN] for text in texts]
        numbers = [[UNKNOWN if self.random.random() < _UNKNOWN_WORD else n for n in row] for row in numbers]
        places = self.seen[mirror][[question.picture for question in asked[::TOGETHER]]]
        # A tenth of the places hidden: no single one may decide.
        places[torch.rand(places.shape[:2]) < 0.1] = 0
        wanted = torch.zeros(len(asked), len(self.answers))
        for row, right in enumerate(self.right[i] for rows in groups for i in rows):
            wanted[row, right] = 1 / len(right)
        with torch.autocast("cpu", torch.bfloat16):
            scores = self.net(places, padded(numbers))
        loss = functional.cross_entropy(scores.float(), wanted, label_smoothing=0.05)
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

    def validate(self) -> dict[str, float]:
        """Return figures of the last epochs' mean on the choosing part; write it if it is the best so far."""
        self.epochs = [*self.epochs, copy.deepcopy(self.mean.state_dict())][-EPOCHS:]
        net = copy.deepcopy(self.mean).eval()
        net.load_state_dict(
            {name: sum(epoch[name] for epoch in self.epochs) / len(self.epochs) for name in net.state_dict()}
        )
        questions = self.album.questions["choose"]
        scores = score(net, self.vocabulary, self.seen[0], questions)
        truth = right_answers(questions, self.answers)
        calibrate(net, scores, truth, self.kinds)
        probabilities = net.probabilities(scores)
        surprise = -probabilities[torch.arange(len(truth)), truth].log()
        hit = (probabilities.argmax(1) == truth).float()
        kinds = np.array([question.kind for question in questions])
        figures = {}
        for kind in np.unique(kinds):
            of_it = torch.from_numpy(kinds == kind)
            figures[str(kind)] = 100 * hit[of_it].mean().item(), surprise[of_it & (truth >= 0)].mean().item()
        # Every kind counts alike, however many of it are asked.
        overall = float(np.mean([surprise for _, surprise in figures.values()]))
        if overall < self.best:
            self.best = overall
            metadata = self.vocabulary.metadata() | answers_metadata(self.answers)
            save_file(pack(net.state_dict()), self.options.out, metadata)
        accuracy = {kind: right for kind, (right, _) in figures.items()}
        return {"surprise": overall} | accuracy

    def _groups(self) -> list[list[int]]:
        """Draw an epoch: every question once, some twice, `TOGETHER` about one picture side by side."""
        groups = []
        for rows in self.about.values():
            order = self.random.sample(rows, len(rows))
            while len(order) % TOGETHER:
                order.append(self.random.choice(rows))
            groups += [order[at : at + TOGETHER] for at in range(0, len(order), TOGETHER)]
        return self.random.sample(groups, len(groups))

    def run(self) -> None:
        """Train until the minutes are spent."""
        begin, already = time.process_time(), self.spent
        while self.spent < self.options.minutes * 60:
            groups, size = self._groups(), self.options.pictures
            losses = []
            for at in range(0, len(groups) - size + 1, size):
                losses.append(self.train_step(groups[at : at + size]))
                self.spent = already + time.process_time() - begin
            line = {"step": self.step, "minutes": self.spent / 60, "loss": float(np.mean(losses)), **self.validate()}
            line = {name: round(value, 3) for name, value in line.items()}
            with self.options.out.with_suffix(".jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)
            self.save()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for the encoder's grids")
    parser.add_argument("--out", type=Path, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, default=8.0, help="of one core, in all, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--blind", action="store_true", help="see the question only")
    parser.add_argument("--words", type=Path, default=EMBED_WEIGHTS, help="weights whose words to begin from")
    parser.add_argument("--pictures", type=int, default=32, help=f"pictures a batch, {TOGETHER} questions about each")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=Path, help="weights to measure instead of training")
    parser.add_argument("--baseline", type=Path, help="weights of a --blind run to measure beside them")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.evaluate and options.baseline:
        for row in evaluate(options.data, options.cache, options.evaluate, options.baseline):
            print(" | ".join(row))
    elif options.out:
        QuestionTrainer(options).run()
    else:
        parser.error("--out, or --evaluate and --baseline, is needed")


if __name__ == "__main__":
    main()
