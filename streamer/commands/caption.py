"""`earshot caption`: what pictures show, a JSON line each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.common.arrays import U8
from streamer.commands.batch import each
from streamer.commands.tell import tell
from streamer.errors import UserError
from streamer.media.file_name import as_text
from streamer.media.still import read_still
from streamer.recordings.wav_file import WavFile

BEAMS = (1, 3, 5)


def describe_command(paths: list[Path], *, beam: int = 3, speak: Path | None = None) -> int:
    """Print a line of JSON a picture: `image`, `caption`, and `words`, each with where was looked most for it.

    `familiar` says whether it is like the pictures that the captioner learnt from; what it says of others is made up.

    Args:
        paths: Of the pictures.
        beam: Sentences kept while searching.
        speak: Folder for a WAV file a picture that says the caption, named in the line as `speech`; None for none.

    Returns:
        Exit code, see `streamer.commands.batch.each`.

    Raises:
        UserError: `beam` is none of those that can be chosen, the only picture cannot be read, there is no voice on
            this machine, or the folder cannot be written to.
    """
    if beam not in BEAMS:
        raise UserError(f"beam must be one of {', '.join(map(str, BEAMS))}, not {beam}")
    describe: Callable[[U8], dict[str, object]] | None = None
    say = None if speak is None else _speaker(speak)

    def one(path: Path) -> None:
        nonlocal describe
        still = read_still(path)
        # Not before there is a picture: most mistakes are in the only name, or in all.
        describe = describe or _describer(beam)
        line = {"image": as_text(path), **describe(still.pixels)}
        if say is not None:
            line["speech"] = as_text(say(path.name, str(line["caption"])))
        print(json.dumps(line), flush=True)
        tell(path, still.notes)

    return each(paths, one)


def _describer(beam: int) -> Callable[[U8], dict[str, object]]:
    import torch

    from models.vision.captioning_runtime import Captioner, gist
    from models.vision.familiar import Familiarity
    from models.vision.image_runtime import ImageRuntime, fit

    torch.set_num_threads(1)
    encoder, captioner, familiarity = ImageRuntime(), Captioner(), Familiarity()

    def describe(picture: U8) -> dict[str, object]:
        grids = encoder.encode(fit(picture)[np.newaxis])
        scene, familiar = captioner.caption(grids, beam)[0], bool(familiarity.knows(gist(grids))[0])
        places = zip(scene.words, scene.peaks(), strict=True)
        words = [{"word": word, "peak": [round(x, 3), round(y, 3)]} for word, (x, y) in places]
        return {"caption": scene.text, "familiar": familiar, "words": words}

    return describe


def _speaker(folder: Path) -> Callable[[str, str], Path]:
    from models.speech.tts import CALL_RATE, VoiceMissing
    from models.speech.voices import open_voice

    try:
        voice = open_voice()
        folder.mkdir(parents=True, exist_ok=True)
    except VoiceMissing as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    used = Counter[str]()

    def say(name: str, text: str) -> Path:
        used[name] += 1
        path = folder / f"{name}{f'-{used[name]}' if used[name] > 1 else ''}.wav"
        pcm = (voice.say(text) * 32767).astype(np.int16)
        file = WavFile(path, CALL_RATE)
        file.put(0, pcm)
        file.finish(len(pcm))
        return path

    return say
