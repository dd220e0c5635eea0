"""What is told at the end of a recording that lacks something."""

from __future__ import annotations

from streamer.media.info import MediaInfo


def lacks(info: MediaInfo, faces: bool, others: bool) -> list[str]:
    """Return sentences on it.

    Args:
        info: Of the recording.
        faces: Whether there was any.
        others: Whether there were voices that belong to no face.
    """
    if info.audio is None:
        lack = "the file has no sound: no voices, only overlay.mp4 and events.jsonl"
        return [lack] if faces else [lack, "no face was found"]
    if info.microphones:
        return [f"{info.microphones} microphones, each of one speaker: nothing is separated"]
    if info.video is None:
        apart = "voices are told apart by their sound alone" if others else "all sound is in rest.wav"
        return [f"the file has no video, so no faces: {apart}"]
    return [] if faces else ["no face was found: all sound is in rest.wav"]
