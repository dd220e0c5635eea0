"""A listener who loses sound is told, and told when that is over."""

from streamer.mixing.completeness import WINDOW, Completeness


def test_told_once_when_too_much_is_left_out_and_once_when_all_is_well():
    told = []
    completeness = Completeness(told.append)
    played = lost = 0

    def seconds(share):
        nonlocal played, lost
        played += WINDOW
        lost += round(share * WINDOW)
        completeness.step(played, lost)

    for share in (0.0, 0.02, 0.04):
        seconds(share)
    assert told == [], "drift of clocks is nothing to tell"
    for share in (0.2, 1.0, 0.2, 0.03):
        seconds(share)
    assert told == [False], "not well yet"
    seconds(0.0)
    seconds(0.0)
    assert told == [False, True]


def test_judged_over_a_window_not_at_every_frame():
    told = []
    completeness = Completeness(told.append)
    for played in range(1, WINDOW):
        completeness.step(played, 50)
    assert told == []
    completeness.step(WINDOW, 50)
    assert told == [False]
