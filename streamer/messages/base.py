"""What every message of the control WebSocket is built from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

ParticipantId = Annotated[str, Field(min_length=1, max_length=64)]
FaceId = Annotated[int, Field(ge=0, le=2**31 - 1)]
VoiceId = Annotated[int, Field(ge=-(2**31) + 1, le=-1)]
SpeakerId = Annotated[int, Field(ge=-(2**31) + 1, le=2**31 - 1)]
"""A face, or below 0 a voice that belongs to no face."""

SpeakerOrRest = SpeakerId | Literal["rest"]


def _plain_name(text: str) -> str:
    """Keep what is printed, with single spaces: names are shown to others."""
    name = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not name:
        raise ValueError("a name needs a letter")
    return name


def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)


LONGEST_NAME = 60
"""Characters of a name."""

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_plain_name)]
Fraction = Annotated[float, Field(ge=0, le=1)]

Estimate = Annotated[Fraction, BeforeValidator(_clamp)]
"""A fraction that a model computed: what rounding puts beyond 0 or 1 is brought back."""


class Message(BaseModel):
    """A message: unknown fields are refused, infinities and NaN are no numbers."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        # A default is always written out: whoever reads what the server writes can rely on the field.
        json_schema_serialization_defaults_required=True,
    )

    @classmethod
    def of(cls, source: object, **more: object) -> Self:
        """Return the message that says what a source says.

        Args:
            source: an object; its attributes with the names of fields become these fields.
            more: the other fields, and those that differ.

        Returns:
            The message.

        Raises:
            ValidationError: a field is missing or out of range.
        """
        names = [name for name in cls.model_fields if name not in more and hasattr(source, name)]
        return cls.model_validate({name: getattr(source, name) for name in names} | more)
