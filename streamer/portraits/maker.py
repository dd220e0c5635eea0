"""Makes portraits: of a photo, or of the face that is drawn for a voice."""

from __future__ import annotations

import json
from functools import cached_property

import numpy as np

from models.common.arrays import F32, U8
from models.portrait.draw import Portrait
from models.portrait.find import UnfitPortraitError, find_portrait
from models.portrait.mouth import Mouth
from models.portrait.sheet import sheet
from models.speech2face.drawn import Unusable
from models.speech2face.runtime import FaceMaker
from streamer.media.made import xmp
from streamer.media.made_face import framed
from streamer.portraits.photo import BadPhotoError, read_photo

OF_PHOTO = "Made picture: a photo of one moment that is moved by its owner's voice. Nobody was filmed."
OF_VOICE = "Synthetic: a face drawn by a network from the sound of a voice. Not a likeness of anybody."


class Refused(ValueError):
    """No portrait can be made; the message is a sentence that says why."""


class Maker:
    """Models are loaded when they are needed first.

    Args:
        mouth: That moves the portraits.
    """

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth

    @cached_property
    def _faces(self) -> FaceMaker:
        return FaceMaker()

    def of_photo(self, jpeg: bytes) -> bytes:
        """Return the sheet (JSON) of a portrait from a JPEG.

        Raises:
            Refused: there is not one face in it.
        """
        try:
            return self._sheet(read_photo(jpeg), OF_PHOTO)
        except (BadPhotoError, UnfitPortraitError) as error:
            raise Refused(f"This photo does not do: {error}.") from error

    def of_voice(self, pcm: F32) -> bytes:
        """Return the sheet (JSON) of a portrait with the face that is drawn for one person's speech.

        Raises:
            Refused: it is not one person's speech, or too little of it.
        """
        try:
            return self._sheet(framed(self._faces.draw(pcm).picture), OF_VOICE)
        except Unusable as error:
            raise Refused(f"No face can be drawn from what was heard: {error}.") from error
        except UnfitPortraitError as error:
            raise Refused("The face that was drawn cannot be made to talk; try again.") from error

    def _sheet(self, rgb: U8, words: str) -> bytes:
        shown, mesh = find_portrait(rgb)
        portrait = Portrait(np.ascontiguousarray(shown), mesh, self._mouth.rest)
        return json.dumps(sheet(portrait, self._mouth, xmp(words)), separators=(",", ":")).encode()
