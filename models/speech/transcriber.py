"""Live captions: the words of any number of voices, while they are being said.

transcriber = open_transcriber("moonshine")
voice = transcriber.open()
voice.hear(t, pcm)                  # whenever there is sound: only keeps it
for line in voice.lines():          # every 100 to 300 ms: does the work
    ...
voice.close()
"""

from __future__ import annotations

from models.speech.stream import SharedTranscriber
from models.speech.types import Transcriber
from models.speech.vad import VoiceActivity


def open_transcriber(name: str = "moonshine") -> Transcriber:
    """Open the transcriber of a name.

    Args:
        name: "moonshine" (English, on board), or "faster-whisper:MODEL" with the size or folder of a Whisper model
            (other languages; needs the extra `whisper`, and downloads the model when it is first used).

    Raises:
        ValueError: there is none of that name.
        OSError: its weights are not installed, or cannot be downloaded.
        ImportError: its package is not installed.
    """
    kind, _, model = name.partition(":")
    if kind == "moonshine" and not model:
        from models.speech.moonshine import Moonshine

        return SharedTranscriber(Moonshine(), VoiceActivity())
    if kind == "faster-whisper" and model:
        from models.speech.whisper import Whisper

        return SharedTranscriber(Whisper(model), VoiceActivity())
    raise ValueError(f'there is no transcriber "{name}": "moonshine" or "faster-whisper:MODEL"')
