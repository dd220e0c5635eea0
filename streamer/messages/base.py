"""What every message of the control WebSocket is built from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

ParticipantId = Annotated[str, Field(min_length=1, max_length=64)]
FaceId = Annotated[int, Field(ge=0, le=2**31 - 1)]
FaceOrRest = FaceId | Literal["rest"]


def _plain_name(text: str) -> str:
    """Keep what is printed, with single spaces: names are shown to others."""
    name = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not name:
        raise ValueError("a name needs a letter")
    return name


LONGEST_NAME = 60
"""Characters."""

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_plain_name)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Message(BaseModel):
    """A message: unknown fields are refused, infinities and NaN are no numbers."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        frozen=True,
        # A default is always written out: whoever reads what the server writes can rely on the field.
        json_schema_serialization_defaults_required=True,
    )
