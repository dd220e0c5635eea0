"""What a call was about, counted from its lines."""

import re

from streamer.transcripts.keywords import salient
from streamer.transcripts.summary import Utterance, exchanges, questions, shares, spread
from streamer.transcripts.summary_page import Gathered, Picture, summary_page


def line(start, end, speaker, text="Well, yes.", written=False):
    return Utterance(start, end, speaker, text, written)


def test_talk_is_counted_once_and_in_stretches():
    found = shares(
        [
            line(0, 4, "Ann"),
            line(3, 5, "Ann"),
            line(6, 7, "Ann"),
            line(20, 21, "Ann"),
            line(5, 6, "Ben"),
            line(9, 9, "Ben", written=True),
        ]
    )
    assert [(one.speaker, one.seconds, one.lines) for one in found] == [("Ann", 7.0, 4), ("Ben", 1.0, 1)]
    assert found[0].spans == ((0, 7), (20, 21))
    assert shares([line(1, 1, "Ann", written=True)]) == []


def test_an_exchange_is_of_two_without_a_pause_and_the_longest_comes_first():
    monologue = [line(t, t + 2, "Ann") for t in range(0, 40, 2)]
    short = [line(100 + 2 * n, 101 + 2 * n, "AB"[n % 2]) for n in range(4)]
    long = [line(200 + 5 * n, 203 + 5 * n, "BC"[n % 2]) for n in range(6)]
    few = [line(300, 301, "A"), line(302, 330, "B")]
    found = exchanges([*long, *monologue, *few, *short])
    assert [(one.start, one.speakers, len(one.lines)) for one in found] == [(200, ("B", "C"), 6), (100, ("A", "B"), 4)]
    assert found[0].seconds == 28


def test_questions_are_the_last_ones_in_order():
    lines = [line(n, n + 1, "Ann", f"Is it {n}?") for n in range(40)] + [line(50, 51, "Ben", "No.")]
    assert [one.start for one in questions(lines)] == list(range(10, 40))
    assert questions([line(0, 1, "Ann", "\uc5b4\ub514\uc608\uc694\uff1f")])


def test_words_that_come_again_stand_in_the_form_they_are_said_most():
    lines = [
        "I think the budget is tight",
        "Budgets are always tight",
        "the budget again",
        "two budgets, one dog",
        "2020 2020",
    ]
    assert salient(lines) == ["budget", "tight"]
    assert salient([]) == []
    assert len(salient([" ".join(f"word{n}x" for n in range(100))] * 2, most=7)) == 7


def test_pictures_lie_far_apart():
    assert spread([1, 2, 3], 5) == [0, 1, 2]
    assert spread([0, 1, 2, 3, 50, 100], 3) == [0, 4, 5]
    assert len(spread(list(range(1000)), 12)) == 12


def test_the_page_needs_nothing_else_and_what_people_say_is_text():
    evil = "</p><script>alert(1)</script>' onload='x"
    lines = [line(1000, 1003, evil, evil + "?"), line(1004, 1004, "Ben", "https://x.org", written=True)]
    page = summary_page(Gathered(lines, [Picture(1002.0, evil, b"\xff\xd8jpeg")]))
    assert "<script" not in page and "onload='" not in page
    assert "&lt;script&gt;" in page and "(written)" in page and "0:00:04" in page
    assert re.findall(r"(?:src|href)='([^']{5})", page) == ["data:"]
    assert "Questions" in page and "longest exchanges" not in page


def test_the_page_speaks_korean_and_leaves_alone_what_people_said():
    lines = [line(1000, 1003, "Ada, face 2", "Seen {n}?"), line(1004, 1004, "Ben", "Show", written=True)]
    page = summary_page(Gathered(lines, [Picture(1002.0, "Ada", b"\xff\xd8jpeg")]), "ko")
    text = re.sub(r"(?s)<style>.*?</style>|<[^>]*>", "|", page)
    assert "<html lang=ko>" in page and "1970년 1월 1일 00:16(UTC) 통화" in text
    assert "Ada님의 얼굴 2" in text and "2줄" in text
    assert set(re.findall(r"[A-Za-z]{2,}", text)) == {"UTC", "Earshot", "Ada", "Seen", "Ben", "Show"}
