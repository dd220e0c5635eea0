"""Which language somebody speaks: evidence of sentences, gathered over a voice's last seconds of speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log

LANGUAGES = dict(
    pair.strip().split("=")
    for pair in """
    af=Afrikaans, am=Amharic, ar=Arabic, as=Assamese, az=Azerbaijani, ba=Bashkir, be=Belarusian, bg=Bulgarian,
    bn=Bengali, bo=Tibetan, br=Breton, bs=Bosnian, ca=Catalan, cs=Czech, cy=Welsh, da=Danish, de=German, el=Greek,
    en=English, es=Spanish, et=Estonian, eu=Basque, fa=Persian, fi=Finnish, fo=Faroese, fr=French, gl=Galician,
    gu=Gujarati, ha=Hausa, haw=Hawaiian, he=Hebrew, hi=Hindi, hr=Croatian, ht=Haitian Creole, hu=Hungarian,
    hy=Armenian, id=Indonesian, is=Icelandic, it=Italian, ja=Japanese, jw=Javanese, ka=Georgian, kk=Kazakh, km=Khmer,
    kn=Kannada, ko=Korean, la=Latin, lb=Luxembourgish, ln=Lingala, lo=Lao, lt=Lithuanian, lv=Latvian, mg=Malagasy,
    mi=Maori, mk=Macedonian, ml=Malayalam, mn=Mongolian, mr=Marathi, ms=Malay, mt=Maltese, my=Burmese, ne=Nepali,
    nl=Dutch, nn=Nynorsk, no=Norwegian, oc=Occitan, pa=Punjabi, pl=Polish, ps=Pashto, pt=Portuguese, ro=Romanian,
    ru=Russian, sa=Sanskrit, sd=Sindhi, si=Sinhala, sk=Slovak, sl=Slovenian, sn=Shona, so=Somali, sq=Albanian,
    sr=Serbian, su=Sundanese, sv=Swedish, sw=Swahili, ta=Tamil, te=Telugu, tg=Tajik, th=Thai, tk=Turkmen, tl=Tagalog,
    tr=Turkish, tt=Tatar, uk=Ukrainian, ur=Urdu, uz=Uzbek, vi=Vietnamese, yi=Yiddish, yo=Yoruba, zh=Chinese
    """.split(",")
)
"""Those that Whisper knows, by its codes."""

ENGLISH = "en"
"""What the first reader speaks."""

AUTO = "auto"
"""Instead of a code: to be heard out."""

MEMORY = 10.0
"""Seconds of a voice's speech after which evidence counts a third: people change languages, too."""

WHOLE = 2.0
"""Seconds of a sentence that count as one independent piece of evidence."""

LEAST = 1e-3
"""Least probability of a language in one sentence: one that is heard wrongly shall not outweigh all others."""

USUAL, NEW = 3.0, 0.1
"""Seconds of English, and of each other language, that are taken for granted before anybody has spoken: one sentence of
`WHOLE` decides if another language is thirty times as probable in it: accents sound like their languages."""


def check_language(code: str) -> None:
    """Check a code that a user gave.

    Raises:
        ValueError: It is neither `AUTO` nor in `LANGUAGES`.
    """
    if code != AUTO and code not in LANGUAGES:
        raise ValueError(f'there is no language "{code}": "{AUTO}", or a code as of {", ".join(sorted(LANGUAGES))}')


@dataclass
class Languages:
    """Those of one recording; what was said so far makes its languages the more probable for whoever speaks next."""

    seconds: dict[str, float] = field(default_factory=lambda: {ENGLISH: USUAL})

    def prior(self, code: str) -> float:
        """Return the probability of a language before a voice is heard."""
        return (self.seconds.get(code, 0.0) + NEW) / (sum(self.seconds.values()) + NEW * len(LANGUAGES))


class SpokenLanguage:
    """That of one voice, which is English until there is reason to think otherwise.

    Args:
        recording: Where the voice is heard.
    """

    def __init__(self, recording: Languages) -> None:
        self._recording = recording
        self._evidence: dict[str, float] = {}

    def hear(self, probabilities: Mapping[str, float], seconds: float) -> str:
        """Take in a sentence and return its language.

        Args:
            probabilities: Of each language, by the sound of this sentence alone.
            seconds: How long it is.
        """
        keep, weight = exp(-seconds / MEMORY), min(seconds / WHOLE, 1.0)
        for code in LANGUAGES:
            fresh = log(max(probabilities.get(code, 0.0), LEAST))
            self._evidence[code] = keep * self._evidence.get(code, 0.0) + weight * fresh
        found = max(LANGUAGES, key=lambda code: self._evidence[code] + log(self._recording.prior(code)))
        self._recording.seconds[found] = self._recording.seconds.get(found, 0.0) + seconds
        return found
