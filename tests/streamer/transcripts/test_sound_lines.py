from streamer.transcripts.sound_lines import SoundLines


def test_a_sound_has_a_line_when_it_begins_and_none_while_it_lasts():
    lines = SoundLines()
    assert lines.step(0.0, [("speech", 0.9)]) is None
    assert lines.step(1.0, [("siren", 0.9), ("speech", 0.8)]) == "[siren]"
    assert [lines.step(float(t), [("siren", 0.9)]) for t in range(2, 20)] == [None] * 18
    assert lines.step(20.0, [("siren", 0.9), ("dog bark", 0.5)]) == "[dog bark]"


def test_after_a_pause_it_is_new_again():
    lines = SoundLines()
    assert lines.step(0.0, [("siren", 0.9)]) == "[siren]"
    assert lines.step(9.0, [("siren", 0.9)]) is None
    assert lines.step(18.9, [("siren", 0.9)]) is None
    assert lines.step(29.0, [("siren", 0.9)]) == "[siren]"
