"""`earshot serve --keep`: a server is killed, and another one has its calls, with all that was known of them."""

from __future__ import annotations

import asyncio
import os
import resource
import time

from streamer.rooms import kept
from tests.live.peers import BeepTrack, until
from tests.live.process import running


def of(folder):
    """A server whose models are played."""
    return running("tests.live.kept_server", secret="a secret of sixteen letters", keep=folder, resume_grace=60)


async def put(folder, room):
    """Wait until all of it is in the folder."""
    path = folder / f"{room['room']}.room"

    def whole():
        if not path.exists():
            return False
        state = kept.decode(path.read_bytes())
        return state.rules.locked and bool(state.written) and state.people[-1].hand is not None

    async with asyncio.timeout(20):
        while not await asyncio.to_thread(whole):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.1)


async def test_a_killed_servers_call_is_back_with_names_voices_words_and_rules(tmp_path):
    folder = tmp_path / "kept"
    async with of(folder) as (process, site):
        room = await site.room()
        ann = await site.join(room | {"invite": room["host"]}, "Ann")
        ben = await site.join(room, "Ben")
        anns, bens = await site.control(room, ann["token"]), await site.control(room, ben["token"])
        await site.publish(room, ann["token"], BeepTrack(time.monotonic()))
        who = ann["participant"]
        await until(lambda: anns.insights["caption"] and "welcome" in bens.newest)
        await anns.send(type="rename", participant=who, face=1, name="Grace")
        await bens.send(type="say", text="Is it on Tuesday?")
        await bens.send(type="fader", participant=who, face=1, gain=0.25)
        await bens.send(type="hand", participant=ben["participant"], raised=True)
        await anns.send(type="rules", rules={"locked": True, "waiting_room": False, "past": "all"})
        await put(folder, room)
        # It gets no moment to say goodbye.
        process.kill()

    async with of(folder) as (process, site):
        # The page's socket comes back with the token that it has.
        bens = await site.control(room, ben["token"])
        await until(lambda: "welcome" in bens.newest and bens.insights["caption"] and "chat_history" in bens.newest)
        people = {person["id"]: person for person in bens.newest["welcome"]["room"]["participants"]}
        assert (people[who]["name"], people[who]["faces"], people[who]["host"]) == ("Ann", {"1": "Grace"}, True)
        assert bens.newest["welcome"]["room"]["hands"] == [ben["participant"]]
        assert bens.newest["welcome"]["faders"]["gains"] == [{"participant": who, "face": 1, "gain": 0.25}]
        assert [line["text"] for line in bens.newest["chat_history"]["lines"]] == ["Is it on Tuesday?"]
        assert bens.insights["caption"][0]["text"] == "They know nothing yet."

        # Who joins anew with what they hold is themselves still, and the models know their voice.
        again = await site.join(room | {"invite": room["host"]}, "Ann", ann["resume"])
        assert again["participant"] == who
        await site.publish(room, again["token"], BeepTrack(time.monotonic()))
        await until(lambda: len(bens.insights["caption"]) == 2)
        new = bens.insights["caption"][1]
        assert (new["id"], new["text"]) == (1, f"They know the voice of {who}.")
        headers = {"Authorization": f"Bearer {ben['token']}"}
        text = (await site.http.get(f"/rooms/{room['room']}/transcript.txt", headers=headers)).text
        assert [line.split("] ", 1)[1] for line in text.splitlines()] == [
            "Grace: They know nothing yet.",
            "Ben: [chat] Is it on Tuesday?",
            f"Grace: They know the voice of {who}.",
        ]
        stranger = await site.http.post(f"/rooms/{room['room']}/join", json={"name": "Eve", "invite": room["invite"]})
        assert stranger.status_code == 403, "the host had locked the call"
        assert "earshot_keep_restored_total 1.0" in (await site.http.get("/metrics")).text


async def test_a_call_whose_disk_is_full_goes_on_says_so_and_is_kept_as_it_was_before(tmp_path):
    folder = tmp_path / "kept"
    async with of(folder) as (process, site):
        room = await site.room()
        ann = await site.join(room | {"invite": room["host"]}, "Ann")
        anns = await site.control(room, ann["token"])
        path = folder / f"{room['room']}.room"

        def first_name():
            return kept.decode(path.read_bytes()).people[0].name if path.exists() else None

        async def stored(name):
            async with asyncio.timeout(20):
                while await asyncio.to_thread(first_name) != name:  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.1)

        def notice():
            return anns.newest.get("notice", {}).get("code")

        await stored("Ann")
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        # Of each file the kernel takes so many bytes and no more.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (64, before[1]))
        await anns.send(type="rename", participant=ann["participant"], face=None, name="Anna")
        await until(lambda: notice() == "keeping_down")
        assert await asyncio.to_thread(first_name) == "Ann"
        assert await asyncio.to_thread(os.listdir, folder) == [path.name], "nothing half is left"
        # The call goes on: who comes is let in, seen and told the same.
        ben = await site.join(room, "Ben")
        bens = await site.control(room, ben["token"])
        await until(lambda: bens.newest.get("notice", {}).get("code") == "keeping_down")
        names = [person["name"] for person in bens.newest["welcome"]["room"]["participants"]]
        assert names == ["Anna", "Ben"]
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)
        await stored("Anna")
        await until(lambda: notice() == "keeping_up")
