"""Rooms over HTTP: who may come in, with which token, and what they may read."""

import asyncio
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
        ann = (await join(http, room)).json()
        http.context.rooms.get(room["room"]).participants[ann["participant"]].seated = True
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
        transcript.add("Ann", transcript.begin + 1, 0, "Hello.")
        address = f"/rooms/{room['room']}/transcript"
        for token in (ann["token"], watcher["token"]):
            for kind, media_type, begin in (
                ("vtt", "text/vtt", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n<v Ann>Hello.\n"),
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


async def test_who_made_the_room_is_its_host_and_nobody_else():
    async with client() as http:
        room = await new_room(http)
        assert room["host"] not in room["link"]
        host = (await join(http, room, room["host"])).json()
        assert (host["host"], host["role"], host["waiting"]) == (True, "publish", False)
        guest = (await join(http, room)).json()
        assert not guest["host"]
        invited = (await http.post(f"/rooms/{room['room']}/invites")).json()
        assert "host" not in invited, "whoever may invite is no host"
        again = (await join(http, room, room["host"], resume=guest["resume"])).json()
        assert again["participant"] == guest["participant"] and again["host"], "the host's link makes a host"
        ann = (await join(http, room, resume=host["resume"])).json()
        assert ann["participant"] == host["participant"] and ann["host"], "who is the host stays it"


async def test_a_locked_room_lets_nobody_in_but_the_host_and_who_comes_back():
    async with client() as http:
        room = await new_room(http)
        ann, place = (await join(http, room)).json(), http.context.rooms.get(room["room"])
        place.rules.locked = True
        at = f"/rooms/{room['room']}"
        refused = [await join(http, room), await join(http, room, room["watch_invite"])]
        for endpoint in ("whip", "whep"):
            headers = SDP | bearer(room["invite"])
            refused.append(await http.post(f"{at}/{endpoint}", content=OFFERS[endpoint], headers=headers))
        for answer in refused:
            assert answer.status_code == 403 and "locked" in answer.json()["reason"]
        assert (await join(http, room, resume=ann["resume"])).json()["participant"] == ann["participant"]
        place._expired(place.participants[ann["participant"]])
        assert place.participants == {}
        again = await join(http, room, resume=ann["resume"])
        assert again.status_code == 201, "who was cut off for longer is no newcomer either"
        assert (await join(http, room, room["host"])).status_code == 201


async def test_replaced_links_are_worth_nothing_and_the_new_ones_are_good():
    async with client() as http:
        room = await new_room(http)
        ann, place = (await join(http, room)).json(), http.context.rooms.get(room["room"])
        place.rules.links += 1
        new = (await http.post(f"/rooms/{room['room']}/invites")).json()
        at = f"/rooms/{room['room']}"
        refused = [await join(http, room), await join(http, room, room["watch_invite"])]
        refused += [
            await http.post(f"{at}/{endpoint}", content=OFFERS[endpoint], headers=SDP | bearer(room["invite"]))
            for endpoint in ("whip", "whep")
        ]
        refused.append(await http.get(at, headers=bearer(room["invite"])))
        for answer in refused:
            assert answer.status_code == 403 and "link was replaced" in answer.json()["reason"]
        assert (await join(http, new)).status_code == 201
        assert (await join(http, room, room["host"])).status_code == 201
        assert (await join(http, room, resume=ann["resume"])).status_code == 201, "who is in stays"


async def test_what_a_host_settled_holds_when_the_room_was_forgotten_or_the_server_restarted():
    async with client(room_idle=0.001, secret=SECRET) as http:
        room = await new_room(http, **bearer(SECRET))
        rooms = http.context.rooms
        rooms.get(room["room"]).rules.links = 1
        rooms.get(room["room"]).rules.locked = True
        new = (await http.post(f"/rooms/{room['room']}/invites", headers=bearer(SECRET))).json()
        await asyncio.sleep(0.01)
        rooms.sweep()
        assert rooms.get(room["room"]) is None
        assert "replaced" in (await join(http, room)).json()["reason"]
        assert "locked" in (await join(http, new)).json()["reason"]
    async with client(secret=SECRET) as http:
        assert (await join(http, new)).status_code == 201
        assert "replaced" in (await join(http, room)).json()["reason"], "somebody came with a newer link"


async def test_newcomers_wait_for_the_host_and_have_no_media_meanwhile():
    async with client(waiting_room=True, max_waiting=1) as http:
        room = await new_room(http)
        host = (await join(http, room, room["host"])).json()
        newcomer = (await join(http, room)).json()
        assert (host["waiting"], newcomer["waiting"]) == (False, True)
        place = http.context.rooms.get(room["room"])
        assert list(place.participants) == [host["participant"]]
        full = await join(http, room)
        assert full.status_code == 503 and "wait" in full.json()["reason"]
        at = f"/rooms/{room['room']}"
        for endpoint in ("whip", "whep"):
            offer = OFFERS[endpoint]
            answer = await http.post(f"{at}/{endpoint}", content=offer, headers=SDP | bearer(newcomer["token"]))
            assert answer.status_code == 403 and "not let you in" in answer.json()["reason"]
            bare = await http.post(f"{at}/{endpoint}", content=offer, headers=SDP | bearer(room["invite"]))
            assert bare.status_code == 403 and "one by one" in bare.json()["reason"]
        assert (await http.get(f"{at}/transcript.txt", headers=bearer(newcomer["token"]))).status_code == 403
        again = (await join(http, room, resume=newcomer["resume"])).json()
        assert (again["participant"], again["waiting"]) == (newcomer["participant"], True)
        place.admit(place.admission.waiting[newcomer["participant"]])
        again = (await join(http, room, resume=newcomer["resume"])).json()
        assert (again["participant"], again["waiting"]) == (newcomer["participant"], False)
        another = (await join(http, room)).json()
        assert another["waiting"]
        again = (await join(http, room, room["host"], resume=another["resume"])).json()
        assert (again["participant"], again["host"], again["waiting"]) == (another["participant"], True, False)


async def test_the_summary_is_a_page_for_those_in_the_room():
    async with client() as http:
        room = await new_room(http)
        joined = (await join(http, room)).json()
        token, address = bearer(joined["token"]), f"/rooms/{room['room']}/summary.html"
        assert (await http.get(address)).status_code == 401
        assert (await http.get(address, headers=token)).status_code == 204
        here = http.context.rooms.get(room["room"])
        here.insights.chat.say(here.participants[joined["participant"]], "The budget?")
        answer = await http.get(address, headers=token)
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert "Ann</b> (written): The budget?" in answer.text
        answer = await http.get(f"{address}?lang=ko", headers=token)
        assert "Ann</b> (채팅): The budget?" in answer.text
        assert (await http.get(f"{address}?lang=fr", headers=token)).status_code == 422
        later = bearer((await join(http, room, name="Ben")).json()["token"])
        assert (await http.get(address, headers=later)).status_code == 204, "what was before is not for them"
        for _ in range(5):
            answer = await http.get(address, headers=token)
        assert answer.status_code == 429


async def test_figures_of_a_connection_are_for_those_in_the_room():
    async with client() as http:
        room = await new_room(http)
        joined = (await join(http, room)).json()
        token = bearer(joined["token"])
        address = f"/rooms/{room['room']}/figures"
        assert (await http.get(f"{address}/{joined['participant']}")).status_code == 401
        assert (await http.get(f"{address}/p0", headers=token)).status_code == 404
        answer = await http.get(f"{address}/{joined['participant']}", headers=token)
        assert answer.json() == {
            "sound_missing": 0.0,
            "sound_late": 0.0,
            "pictures_came": 0,
            "pictures_lost": 0,
            "pictures_unsent": 0,
            "viewers": 0,
        }
        for _ in range(10):
            answer = await http.get(f"{address}/p0", headers=token)
        assert answer.status_code == 429


async def test_the_transcript_begins_where_one_came_in_unless_the_host_shows_more():
    for past, begins in (("none", False), ("all", True), (60, True)):
        async with client(past=past) as http:
            room = await new_room(http)
            host = (await join(http, room, room["host"])).json()
            transcript = http.context.rooms.get(room["room"]).insights.captions.transcript
            transcript.add("Ann", transcript.begin + 1, 0, "Before.")
            late = (await join(http, room)).json()
            transcript.add("Ann", transcript.begin + 2, 0, "After.")
            address = f"/rooms/{room['room']}/transcript.txt"
            for who, before in ((host, True), (late, begins)):
                text = (await http.get(address, headers=bearer(who["token"]))).text
                assert ("Before." in text, "After." in text) == (before, True), (past, who)
