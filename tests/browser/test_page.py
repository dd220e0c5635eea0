"""The page in a real Chromium against the real server, without models."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Room, Visit, Visitor, enter, join, tap_control


def me(visitor: Visitor) -> dict[str, Any]:
    state = visitor.state()
    [own] = [one for one in state["room"]["participants"] if one["id"] == state["participant"]]
    return dict(own)


def test_first_page_leads_into_a_new_room(visit: Visit, address: str) -> None:
    visitor = visit(address)
    visitor.page.get_by_role("button", name="New call").click()
    visitor.page.wait_for_url("**/r/*#*")
    expect(visitor.page.get_by_test_id("join-name")).to_be_visible()


def test_first_page_asks_for_the_secret(guarded_address: str, visit: Visit) -> None:
    visitor = visit(guarded_address)
    start = visitor.page.get_by_role("button", name="New call")
    secret = visitor.page.get_by_label("Server's secret")
    expect(secret).to_be_hidden()
    start.click()
    expect(secret).to_be_visible()
    secret.fill("not this one, surely")
    start.click()
    expect(visitor.page.get_by_text("That is not this server's secret.")).to_be_visible()
    secret.fill("correct horse battery staple")
    start.click()
    visitor.page.wait_for_url("**/r/*#*")
    # Chromium itself reports the two refusals.
    assert [error for error in visitor.errors if "401" not in error] == []
    visitor.errors.clear()


def test_join_screen_shows_devices_preview_and_level(visit: Visit, room: Room) -> None:
    visitor = visit(room["link"])
    page = visitor.page
    expect(page.locator("#join-camera")).to_be_hidden()
    page.get_by_test_id("preview-start").click()
    expect(page.locator("#join-camera")).to_be_visible()
    expect(page.get_by_test_id("preview-start")).to_be_hidden()
    expect(page.get_by_test_id("join-button")).to_have_text("Join the call")
    expect(page.get_by_test_id("join-button")).to_be_enabled()
    assert page.locator("#join-camera option").count() >= 2
    assert page.locator("#join-microphone option").count() >= 2
    visitor.until("document.querySelector('#preview-video').videoWidth > 0")
    visitor.until("Number(document.querySelector('#join-level').ariaValueNow) > 10")


@pytest.mark.parametrize("query", ["", "?autojoin=1&name=Ada", "?autojoin=1&watch=1&name=Ada"])
def test_no_link_starts_devices_or_joins_without_a_click(visit: Visit, room: Room, query: str) -> None:
    visitor = visit("about:blank")
    page = visitor.page
    page.add_init_script(
        """
        window.devicesAsked = 0;
        const ask = MediaDevices.prototype.getUserMedia;
        MediaDevices.prototype.getUserMedia = function (...wishes) {
            window.devicesAsked += 1;
            return ask.apply(this, wishes);
        };
        """
    )
    joins: list[str] = []
    page.on("request", lambda request: joins.append(request.url) if request.url.endswith("/join") else None)
    page.goto(f"{room['page']}{query}#{room['invite']}")
    # All that the page does by itself it has done when the form can be used.
    expect(page.get_by_test_id("join-button")).to_be_enabled()
    expect(page.get_by_test_id("join-name")).to_have_value("Ada" if query else "")
    page.wait_for_load_state("networkidle")
    assert visitor.page.evaluate("devicesAsked") == 0
    assert joins == []
    assert visitor.state() is None
    join(visitor, "Ada")
    assert visitor.page.evaluate("devicesAsked") == 1
    assert me(visitor)["name"] == "Ada"


def test_join_screen_refuses_an_empty_name_and_remembers_a_good_one(visit: Visit, room: Room) -> None:
    visitor = visit(room["link"])
    page = visitor.page
    name, join = page.get_by_test_id("join-name"), page.get_by_test_id("join-button")
    expect(join).to_be_enabled()
    name.fill("   ")
    join.click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(name).to_be_focused()
    assert visitor.state() is None
    name.fill("Ada")
    join.click()
    expect(page.get_by_test_id("status-connection")).to_have_text("Connected")
    assert me(visitor)["name"] == "Ada"
    page.reload()
    expect(page.get_by_test_id("join-name")).to_have_value("Ada")


def test_camera_refused_joins_with_sound_only(visit: Visit, room: Room, whole_chromium: Browser) -> None:
    visitor = visit(room["link"], allow=("microphone",), browser=whole_chromium)
    page = visitor.page
    page.get_by_test_id("join-name").fill("Ada")
    page.get_by_test_id("join-button").click()
    # Whoever wanted to be seen is asked before joining without.
    expect(page.get_by_test_id("join-button")).to_have_text("Join with sound only")
    expect(page.locator("#join-video-problem")).to_contain_text("not allowed to use the camera")
    assert visitor.state() is None
    page.get_by_test_id("join-button").click()
    visitor.until("earshot.state?.connection === 'connected' && earshot.state.room !== null")
    visitor.until("earshot.state.room.participants.some((one) => one.publishing && one.audio)")
    assert me(visitor)["video"] is False


def test_everything_refused_leaves_watching(visit: Visit, room: Room, whole_chromium: Browser) -> None:
    visitor = visit(room["link"], allow=(), browser=whole_chromium)
    page = visitor.page
    page.get_by_test_id("preview-start").click()
    expect(page.locator("#join-audio-problem")).to_contain_text("not allowed to use the microphone")
    expect(page.get_by_test_id("join-button")).to_be_disabled()
    page.get_by_test_id("watch-button").click()
    expect(page.get_by_test_id("status-connection")).to_have_text("Connected")
    assert me(visitor)["publishing"] is False


def test_watch_link_only_watches(visit: Visit, room: Room) -> None:
    visitor = enter(visit, room, "Walter", link="watch_link", watch=True)
    assert visitor.state()["role"] == "watch"
    expect(visitor.page.get_by_test_id("mute")).to_be_hidden()
    # Why not, in words that can be read: nobody looks for them in a tooltip.
    why = "Voices are not separated just now: The models are not running."
    expect(visitor.page.get_by_test_id("status-voices")).to_have_text(why)


def test_broken_invite_is_told(visit: Visit, room: Room) -> None:
    visitor = visit(f"{room['page']}#nonsense")
    visitor.page.get_by_test_id("join-name").fill("Ada")
    visitor.page.get_by_test_id("join-button").click()
    expect(visitor.page.locator("#join-problem")).to_contain_text(
        "The token is not valid: it is all that comes after the #"
    )
    visitor.errors.clear()


def test_two_see_and_hear_each_other_until_one_leaves(visit: Visit, room: Room) -> None:
    ada, bob = enter(visit, room, "Ada"), enter(visit, room, "Bob")
    for visitor in (ada, bob):
        visitor.until("earshot.state.firstFrameMs !== null")
        expect(visitor.page.get_by_test_id("tile")).to_have_count(2)
    ada_id = ada.state()["participant"]
    assert [slot["participant"] for slot in bob.state()["slots"]] == [ada_id]
    # Chromium's made-up microphone beeps: the mix that Bob hears has energy.
    bob.until(
        "earshot.stats().then((all) => all.some((one) => one.type === 'inbound-rtp' && one.kind === 'audio'"
        " && one.connection === 'watching' && one.totalAudioEnergy > 1e-4))"
    )
    ada.page.get_by_test_id("leave").click()
    expect(bob.page.get_by_test_id("tile")).to_have_count(1)


def test_the_third_sees_both_others(visit: Visit, room: Room) -> None:
    for name in ("Ada", "Bob"):
        enter(visit, room, name)
    walter = enter(visit, room, "Walter", watch=True)
    walter.until(
        "earshot.stats().then((all) => all.filter((one) => one.type === 'inbound-rtp' && one.kind === 'video'"
        " && one.framesDecoded > 5).length === 2)"
    )
    expect(walter.page.get_by_test_id("tile")).to_have_count(2)
    expect(walter.page.locator(".pictureless")).to_have_count(0)
    # Firefox lays a button over every video that does not say so: over faces.
    all_say_so = "[...document.querySelectorAll('video')].every((video) => video.disablePictureInPicture)"
    assert walter.page.evaluate(all_say_so)


def test_face_follows_its_message_and_is_focused_by_click_and_key(visit: Visit, room: Room) -> None:
    ada = enter(visit, room, "Ada")
    ada_id = ada.state()["participant"]
    bob = visit("about:blank")
    sockets = tap_control(bob)
    bob.page.goto(room["link"])
    join(bob, "Bob")
    bob.until("earshot.state?.firstFrameMs")

    def tell_face(x: float) -> None:
        face = {
            "id": 1,
            "box": [x, 0.25, 0.25, 0.5],
            "name": None,
            "speaking": 0.9,
            "lips_visible": True,
            "voice": "known",
            "voice_confidence": 0.8,
        }
        message = {"type": "faces", "participant": ada_id, "t": time.time(), "faces": [face], "voices": []}
        sockets[0].send(json.dumps(message))

    button = bob.page.get_by_role("button", name="Hear only Face 1 of Ada").and_(bob.page.get_by_test_id("face"))
    tile = bob.page.locator(f"[data-testid=tile][data-participant='{ada_id}']").bounding_box()
    assert tile is not None
    for x in (0.1, 0.6):
        expected = pytest.approx((x, 0.25), abs=0.01)
        for _ in range(200):
            tell_face(x)
            bob.page.wait_for_timeout(40)
            box = button.bounding_box() if button.is_visible() else None
            place = box and ((box["x"] - tile["x"]) / tile["width"], box["width"] / tile["width"])
            if place == expected:
                break
        assert place == expected
    button.click()
    assert bob.state()["focus"] == {"participant": ada_id, "face": 1}
    tell_face(0.6)
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(bob.page.get_by_text("Hearing only Face 1 of Ada")).to_be_visible()
    tell_face(0.6)
    button.press("Enter")
    assert bob.state()["focus"] is None


def test_capture_times_survive_the_wrap_of_rtp_time_stamps(visit: Visit, address: str) -> None:
    found = visit(address).page.evaluate(
        """async () => {
            const { captureTime, FaceHistory } = await import("/static/call/face-history.js");
            const face = (x) => [{ id: 1, box: [x, 0, 1, 1], speaking: 0 }];
            const history = new FaceHistory();
            history.push(100.0, face(0));
            history.push(100.04, face(1));
            const x = (t) => history.at(t)[0].box[0];
            const t = 1795484366.5, base = 4294967000, rtp = (base + Math.round(t * 90000)) % 2 ** 32;
            return [captureTime(rtp, base, t + 0.2) - t, captureTime(rtp, base, t - 3600) - t,
                    x(100.01), x(99), x(101), x(null)];
        }"""
    )
    assert found == pytest.approx([0, 0, 0.25, 1, 1, 1], abs=1e-4)


def test_keys_and_mixer_reach_the_server(visit: Visit, room: Room) -> None:
    ada, bob = enter(visit, room, "Ada"), enter(visit, room, "Bob")
    ada_id = ada.state()["participant"]
    page = bob.page
    fader = page.locator(f"[data-testid=fader][data-participant='{ada_id}'][data-face=rest]")
    fader.fill("50")
    bob.until("earshot.state.faders.gains.some((one) => one.face === 'rest' && one.gain === 0.5)")
    page.get_by_role("button", name="Mute Ada for me", exact=True).click()
    bob.until("earshot.state.faders.muted.length === 1")
    page.get_by_role("button", name="Hear only Ada", exact=True).click()
    bob.until(f"earshot.state.focus?.participant === '{ada_id}' && earshot.state.focus.face === null")
    # Whom one wants to hear alone is not muted any more, and the server has heard of it too.
    assert bob.state()["faders"]["muted"] == []
    expect(page.get_by_role("button", name="Mute Ada for me", exact=True)).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Escape")
    bob.until("earshot.state.focus === null")
    page.keyboard.press("m")
    expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
    panel = page.get_by_label("Mixer", exact=True).and_(page.locator("aside"))
    expect(panel).to_be_visible()
    page.keyboard.press("p")
    expect(panel).to_be_hidden()


def test_camera_off_and_on_again_and_new_microphone(visit: Visit, room: Room) -> None:
    ada, bob = enter(visit, room, "Ada"), enter(visit, room, "Bob")
    bob.until("earshot.state.firstFrameMs !== null")
    frames = (
        "earshot.stats().then((all) => all.find((one) => one.type === 'outbound-rtp' && one.kind === 'video')"
        "?.framesSent ?? 0)"
    )
    page = ada.page
    page.keyboard.press("v")
    expect(page.get_by_test_id("camera")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(300)
    sent = page.evaluate(frames)
    page.wait_for_timeout(300)
    assert page.evaluate(frames) == sent
    page.keyboard.press("v")
    expect(page.get_by_test_id("camera")).to_have_attribute("aria-pressed", "false")
    ada.until(f"{frames}.then((now) => now > {sent})")
    page.get_by_test_id("devices").click()
    before = page.locator("#call-microphone").input_value()
    others = [option.get_attribute("value") for option in page.locator("#call-microphone option").all()]
    other = next(value for value in others if value not in (before, "none"))
    page.locator("#call-microphone").select_option(other)
    expect(page.locator("#call-microphone")).to_have_value(str(other))
    assert ada.state()["connection"] == "connected"


def test_phone_layout_has_no_sideways_scrolling(visit: Visit, room: Room) -> None:
    visitor = enter(visit, room, "Ada", viewport={"width": 360, "height": 740})
    assert visitor.page.evaluate("document.documentElement.scrollWidth") == 360
    box = visitor.page.get_by_test_id("leave").bounding_box()
    assert box is not None and box["x"] + box["width"] <= 360


def test_page_has_a_policy_and_no_cache_of_rooms(address: str) -> None:
    answer = httpx.get(f"{address}/r/anything", trust_env=False)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    host = address.removeprefix("http://")
    assert f"connect-src 'self' ws://{host} wss://{host};" in answer.headers["content-security-policy"]
    strange = httpx.get(f"{address}/", headers={"Host": "a;script-src *"}, trust_env=False)
    assert "script-src *" not in strange.headers["content-security-policy"]
    assert answer.headers["cache-control"] in ("no-cache", "no-store")
