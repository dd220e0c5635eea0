"""Rooms over HTTP: who may come in, with which token, and what they may read."""

import time

from tests.streamer.rtc.test_offer import GOOD
from tests.streamer.server.http import OFFERS, SDP, SECRET, bearer, client, join, new_room


async def test_room_and_join():
    async with client() as http:
        room = await new_room(http)
        assert room["link"] == f"/r/{room['room']}#{room['invite']}"
        answer = await join(http, room)
        assert answer.status_code == 201
        joined = answer.json()
        assert joined["role"] == "publish"
        assert (joined["expires_in"], joined["heartbeat"], joined["ice_servers"]) == (300, 2.5, [])
        state = (await http.get(f"/rooms/{room['room']}", headers=bearer(joined["token"]))).json()
        assert [p["name"] for p in state["participants"]] == ["Ann"]
        assert not state["participants"][0]["connected"]
        watching = (await join(http, room, room["watch_invite"])).json()
        assert watching["role"] == "watch"


async def test_who_is_in_the_room_comes_back_when_the_invite_has_expired():
    async with client() as http:
        tokens, now, room = http.context.tokens, [time.time()], await new_room(http)
        tokens._clock = lambda: now[0]
        now[0] += 11 * 3600
        first = (await join(http, room)).json()
        now[0] += 2 * 3600
        assert (await join(http, room)).status_code == 401
        again = (await join(http, room, resume=first["resume"])).json()
        assert again["participant"] == first["participant"]
        assert (await join(http, room, role="watch", resume=again["resume"])).status_code == 401
        now[0] += 11 * 3600
        assert (await join(http, room, resume=first["resume"])).status_code == 401, "that token is too old"
        assert (await join(http, room, resume=again["resume"])).status_code == 201
        place = http.context.rooms.get(room["room"])
        place.leave(place.participants[first["participant"]])
        assert (await join(http, room, resume=again["resume"])).status_code == 401, "who has left needs an invite"


async def test_resume_is_the_same_participant_only_with_its_own_token():
    async with client() as http:
        room = await new_room(http)
        first = (await join(http, room)).json()
        again = (await join(http, room, resume=first["resume"])).json()
        assert again["participant"] == first["participant"]
        watcher = (await join(http, room, room["watch_invite"], resume=first["resume"])).json()
        assert watcher["participant"] != first["participant"], "an invite to watch does not resume a publisher"
        other = await new_room(http)
        for resume in ("nonsense", first["token"]):
            assert (await join(http, room, resume=resume)).json()["participant"] != first["participant"]
        assert (await join(http, other, resume=first["resume"])).json()["participant"] != first["participant"]
        http.context.rooms.get(room["room"]).leave(
            http.context.rooms.get(room["room"]).participants[first["participant"]]
        )
        assert (await join(http, room, resume=first["resume"])).status_code == 201


async def test_an_invite_to_take_part_is_good_for_watching_too():
    async with client(max_publishers=1) as http:
        room = await new_room(http)
        await join(http, room)
        watcher = (await join(http, room, role="watch")).json()
        assert watcher["role"] == "watch", "no publisher's place is needed"
        again = (await join(http, room, role="watch", resume=watcher["resume"])).json()
        assert (again["participant"], again["role"]) == (watcher["participant"], "watch")
        offer = GOOD
        at = f"/rooms/{room['room']}/whip"
        assert (await http.post(at, content=offer, headers=SDP | bearer(watcher["token"]))).status_code == 403
        assert (await join(http, room, resume=watcher["resume"])).status_code == 503, "a watcher is no publisher"
        assert (await join(http, room, room["watch_invite"], role="publish")).status_code == 422


async def test_wrong_tokens():
    async with client() as http:
        room, other = await new_room(http), await new_room(http)
        token = (await join(http, room)).json()["token"]
        at = f"/rooms/{room['room']}"
        assert (await join(http, room, "nonsense")).status_code == 401
        assert (await join(http, room, other["invite"])).status_code == 403
        assert (await join(http, room, token)).status_code == 403, "a session token is no invite"
        cases = [
            ("whip", {}, 401),
            ("whip", bearer("nonsense"), 401),
            ("whip", bearer(other["invite"]), 403),
            ("whip", bearer(room["watch_invite"]), 403),
            ("whep", {}, 401),
            ("whep", bearer(other["watch_invite"]), 403),
        ]
        for endpoint, headers, status in cases:
            answer = await http.post(f"{at}/{endpoint}", content=OFFERS[endpoint], headers=SDP | headers)
            assert answer.status_code == status, (endpoint, headers)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["reason"]
        assert (await http.get(at)).status_code == 401
        assert len(http.context.rooms.get(room["room"]).participants) == 1


async def test_session_token_of_someone_who_left():
    async with client() as http:
        room = await new_room(http)
        joined = (await join(http, room)).json()
        place = http.context.rooms.get(room["room"])
        place.leave(place.participants[joined["participant"]])
        answer = await http.post(
            f"/rooms/{room['room']}/whip",
            content=GOOD,
            headers=SDP | bearer(joined["token"]),
        )
        assert answer.status_code == 401
        assert "join again" in answer.json()["reason"]


async def test_the_transcript_is_for_those_in_the_room():
    async with client() as http:
        room, other = await new_room(http), await new_room(http)
        ann = (await join(http, room)).json()
        watcher = (await join(http, room, room["watch_invite"])).json()
        stranger = (await join(http, other)).json()
        here = http.context.rooms.get(room["room"])
        transcript = here.insights.captions.transcript
        transcript.add("Ann", transcript._begin + 1, 0, "Hello.")
        address = f"/rooms/{room['room']}/transcript"
        for token in (ann["token"], watcher["token"]):
            for kind, media_type, begin in (
                ("vtt", "text/vtt", "WEBVTT\n\n00:00:01.000 --> 00:00:01.001\n<v Ann>Hello.\n"),
                ("srt", "application/x-subrip", "1\n00:00:01,000 --> "),
                ("txt", "text/plain", "[0:00:01] Ann: Hello.\n"),
            ):
                answer = await http.get(f"{address}.{kind}", headers=bearer(token))
                assert answer.status_code == 200 and answer.text.startswith(begin)
                assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
                assert answer.headers["content-disposition"] == f'attachment; filename="earshot-{room["room"]}.{kind}"'
        assert (await http.get(f"{address}.vtt")).status_code == 401
        for token in (room["invite"], stranger["token"], ann["resume"]):
            refused = await http.get(f"{address}.vtt", headers=bearer(token))
            assert refused.status_code in (401, 403) and refused.json()["reason"]
        assert (await http.get(f"{address}.pdf", headers=bearer(ann["token"]))).status_code == 422
        statuses = [(await http.get(f"{address}.txt", headers=bearer(ann["token"]))).status_code for _ in range(5)]
        assert statuses[0] == 200 and statuses[-1] == 429
        here.leave(here.participants[ann["participant"]])
        assert (await http.get(f"{address}.vtt", headers=bearer(ann["token"]))).status_code == 401


async def test_secret_guards_rooms_and_metrics():
    async with client(secret=SECRET) as http:
        for answer in (await http.post("/rooms"), await http.post("/rooms", headers=bearer("wrong"))):
            assert answer.status_code == 401
        room = await new_room(http, **bearer(SECRET))
        assert (await join(http, room)).status_code == 201
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers=bearer(SECRET))).status_code == 200
