# ruff: noqa: RUF001 (phonemes)
"""How English words are spoken: misaki's American lexicon, and what a reader does with words that are not in it.

The lexicon is data of the package `misaki` (Apache-2.0), of which no code runs. A word that it lacks is a known one
with an ending, or is read letter by letter after rules that fit most short names; without a vowel it is spelled.
"""

from __future__ import annotations

import json
import re

from models.common.weights import packaged

WEAK = {"a": "ɐ", "an": "ən", "the": "ðə", "to": "tə", "of": "əv", "and": "ænd", "for": "fɔɹ", "at": "ət", "is": "ɪz"}
"""Small words as they are said within a sentence."""

PUNCTUATION = ";:,.!?"

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()

_GROUPS = tuple(
    (letters, sound)
    for letters, _, sound in (
        group.partition("=")
        for group in (
            "tch=ʧ igh=I sch=sk ch=ʧ sh=ʃ th=θ ph=f wh=w ck=k ng=ŋ qu=kw ee=i ea=i oo=u ou=W ow=O ai=A ay=A oi=Y "
            "oy=Y au=ɔ aw=ɔ ar=ɑɹ er=əɹ ir=ɜɹ or=ɔɹ ur=ɜɹ ie=i kn=n wr=ɹ ll=l nn=n ss=s tt=t pp=p bb=b a=æ b=b "
            "c=k d=d e=ɛ f=f g=ɡ h=h i=ɪ j=ʤ k=k l=l m=m n=n o=ɑ p=p q=k r=ɹ s=s t=t u=ʌ v=v w=w x=ks y=i z=z "
        ).split()
    )
)
"""What letters are read as, the longest group first."""

_VOWELS = "AIOWYiuæɑɔəɛɜɪʊʌɐ"


class Phonemes:
    """The lexicon.

    Raises:
        FileNotFoundError: misaki is not installed.
    """

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        for name in ("us_silver.json", "us_gold.json"):
            stored = json.loads(packaged("misaki", "data", name).read_text("utf-8"))
            for word, spoken in stored.items():
                plain = spoken if isinstance(spoken, str) else spoken.get("DEFAULT")
                if plain:
                    self._words[word] = plain

    def sentence(self, text: str) -> str:
        """Return the phonemes of a text, words apart, with its punctuation."""
        spoken: list[str] = []
        for part in re.findall(rf"[^\W\d_]+(?:'[^\W\d_]+)?|\d+|[{PUNCTUATION}]", text):
            if part in PUNCTUATION:
                if spoken:
                    spoken[-1] += part
            elif part.isdigit():
                spoken += [self.word(word) for word in number_words(part)]
            else:
                spoken.append(self.word(part))
        return " ".join(spoken)

    def word(self, word: str) -> str:
        """Return the phonemes of one word."""
        low = word.lower()
        if low in WEAK:
            return WEAK[low]
        for form in (word, low, low.capitalize()):
            if form in self._words:
                return self._words[form]
        if word.isupper() and len(word) > 1:
            return self._spelled(word)
        return self._ended(low) or self._read(low)

    def _ended(self, word: str) -> str | None:
        """Say a known word with an ending."""
        for ending in ("'s", "es", "s", "ed", "ing"):
            stem = word.removesuffix(ending)
            if stem == word or len(stem) < 2:
                continue
            for whole in (stem, stem + "e", stem[:-1] if stem[-1] == stem[-2] else ""):
                spoken = self._words.get(whole) or self._words.get(whole.capitalize())
                if spoken:
                    return spoken + _ending(ending, spoken[-1])
        return None

    def _read(self, word: str) -> str:
        spoken, at = "", 0
        while at < len(word):
            letters, sound = next((pair for pair in _GROUPS if word.startswith(pair[0], at)), (word[at], ""))
            silent = letters == "e" and at == len(word) - 1 and any(c in _VOWELS for c in spoken)
            spoken += "" if silent else sound
            at += len(letters)
        first = next((k for k, c in enumerate(spoken) if c in _VOWELS), None)
        return self._spelled(word) if first is None else f"{spoken[:first]}ˈ{spoken[first:]}"

    def _spelled(self, word: str) -> str:
        return " ".join(self._words.get(letter.upper(), "") for letter in word)


def _ending(ending: str, last: str) -> str:
    if ending == "ing":
        return "ɪŋ"
    if ending == "ed":
        return "ᵻd" if last in "td" else "t" if last in "pkfsʃʧθ" else "d"
    return "ᵻz" if last in "szʃʒʧʤ" else "s" if last in "ptkfθ" else "z"


def number_words(digits: str) -> list[str]:
    """Return the words of a whole number; from a million on, its digits one by one."""
    number = int(digits)
    if len(digits) > 6:
        return [ONES[int(digit)] for digit in digits]
    if number < 20:
        return [ONES[number]]
    if number < 100:
        return [TENS[number // 10 - 2], *([ONES[number % 10]] if number % 10 else [])]
    size, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = number % size
    return [*number_words(str(number // size)), name, *(number_words(str(rest)) if rest else [])]
