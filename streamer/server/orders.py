"""What a host orders over the control socket, what everybody writes and shows, and what they look at."""

from __future__ import annotations

from streamer.messages import hosting, portrait, protocol, recording, talk
from streamer.rooms.errors import TooMany
from streamer.rooms.host import Host
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.server.context import Context

Order = (
    hosting.FromHost
    | talk.FromTalk
    | protocol.SetView
    | protocol.SetSuppression
    | portrait.SetPortrait
    | recording.RecordCall
    | recording.RecordingShown
)


def obey(context: Context, room: Room, me: Participant, order: Order) -> None:
    """Do what a participant orders, if they may.

    Args:
        context: of the application.
        room: where.
        me: who orders.
        order: what.

    Raises:
        Forbidden: only a host may, or not even they.
        Full: nobody more can be let in.
        KeyError: it is about somebody who is not here.
        TooMany: too many orders at once.
    """
    if isinstance(order, talk.FromTalk):
        _talk(room, me, order)
        return
    if isinstance(order, protocol.SetView):
        room.set_view(me, {tile.participant: tile.width for tile in order.tiles})
        return
    if isinstance(order, portrait.SetPortrait):
        (room.portraits.of_voice if order.voice else room.portraits.put_away)(me)
        return
    if isinstance(order, recording.RecordingShown):
        room.recording.shown(me, order.recording)
        return
    if isinstance(order, protocol.SetSuppression):
        me.suppress(order.on)
        return
    if wait := room.paces.orders.take(me.id):
        raise TooMany(f"Too many orders at once: wait {wait} s.")
    host = Host(room, me)
    if isinstance(order, hosting.SetRules):
        host.set_rules(order.rules)
    elif isinstance(order, hosting.Remove):
        host.remove(order.participant)
    elif isinstance(order, hosting.MuteForAll):
        host.mute(order.participant, order.muted)
    elif isinstance(order, hosting.Admit):
        host.admit(order.participant, order.admitted)
    elif isinstance(order, recording.RecordCall):
        host.record(order.on)
    elif isinstance(order, hosting.EndCall):
        host.end_call()
    else:
        host.replace_links()
        room.notices.tell_hosts(context.links(room.id), "links")


def _talk(room: Room, me: Participant, message: talk.FromTalk) -> None:
    if isinstance(message, talk.Say):
        room.insights.chat.say(me, message.text)
    elif isinstance(message, talk.React):
        room.gestures.react(me, message.mark, room.insights.people())
    else:
        room.gestures.set_hand(me, room.participants[message.participant], message.raised)
        room.notices.send_state()
