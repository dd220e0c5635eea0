"""The control WebSocket: hello, heartbeat, faders and names in; room, faces, slots and tokens out."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, WebSocket
from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect, WebSocketState

from streamer.auth import Denied
from streamer.clock import timeout
from streamer.limits import Bucket
from streamer.messages import insights, protocol
from streamer.rooms.errors import Forbidden, Full, TooMany
from streamer.rooms.outbox import Closed, Outbox
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.server.context import Context, context_of
from streamer.server.orders import Order, obey

NORMAL, GOING_AWAY, UNSUPPORTED, POLICY, TOO_BIG = 1000, 1001, 1003, 1008, 1009
UNAUTHORIZED, REPLACED, TIMED_OUT = 4401, 4409, 4408
"""Codes that a socket is closed with: those of RFC 6455, 7.4.1, and our own."""

MAX_FAULTS = 100
"""Refused messages after which the connection is closed."""

router = APIRouter()


class _End(Exception):
    """The connection has to be closed."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@router.websocket("/rooms/{room_id}/control")
async def control(websocket: WebSocket, room_id: str) -> None:
    """Serve one control connection from its hello to its end."""
    context = context_of(websocket)
    await websocket.accept()
    try:
        room, participant = await _welcome(websocket, context, room_id)
    except _End as end:
        await _refuse(websocket, end)
        return
    except WebSocketDisconnect:
        return
    outbox = Outbox()
    room.attach(participant, outbox, REPLACED)
    if participant.host:
        outbox.put(context.links(room.id), "links")
    sender = asyncio.create_task(_send(websocket, outbox), name=f"control {participant.id}")
    silent = 0.0
    try:
        await Conversation(websocket, context, room, participant, outbox).run()
    except _End as end:
        silent = context.settings.heartbeat_timeout if end.code == TIMED_OUT else 0.0
        outbox.put(protocol.Error(code=str(end.code), reason=end.reason), "error")
        outbox.close(end.code)
    except WebSocketDisconnect:
        outbox.close(GOING_AWAY)
        sender.cancel()
    finally:
        outbox.close(GOING_AWAY)
        room.detach(participant, outbox, silent)
        # The socket may be dead: what is left to say gets a moment, not for ever.
        await asyncio.wait([sender], timeout=1.0)
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _receive(websocket: WebSocket, seconds: float, limit: int) -> str:
    """Receive one text message.

    Raises:
        _End: nothing came in time, or it is not a text, or larger than `limit` bytes.
        WebSocketDisconnect: the other side has gone.
    """
    try:
        async with timeout(seconds):
            message = await websocket.receive()
    except TimeoutError:
        raise _End(TIMED_OUT, f"Nothing came for {seconds:g} s.") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None:
        raise _End(UNSUPPORTED, "Messages are JSON texts.")
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        raise _End(TOO_BIG, f"A message is larger than {limit} bytes.")
    return str(text)


async def _welcome(websocket: WebSocket, context: Context, room_id: str) -> tuple[Room, Participant]:
    settings = context.settings
    text = await _receive(websocket, settings.hello_deadline, settings.message_limit)
    try:
        hello = protocol.client_messages.validate_json(text)
    except (ValidationError, ValueError):
        hello = None
    if not isinstance(hello, protocol.Hello):
        raise _End(POLICY, "The first message has to be hello with a token.")
    try:
        claims = context.tokens.verify(hello.token, room_id, "session")
        await context.rooms.recall(room_id)
        return context.comer(claims)
    except Denied as denied:
        raise _End(UNAUTHORIZED, denied.reason) from None


async def _refuse(websocket: WebSocket, end: _End) -> None:
    if websocket.application_state is WebSocketState.CONNECTED:
        try:
            await websocket.send_text(protocol.Error(code=str(end.code), reason=end.reason).model_dump_json())
            await websocket.close(end.code, end.reason)
        except (RuntimeError, WebSocketDisconnect):
            pass  # it went meanwhile


async def _send(websocket: WebSocket, outbox: Outbox) -> None:
    """Send what the outbox holds until it is closed, then close the socket."""
    try:
        while True:
            await websocket.send_text(await outbox.get())
    except Closed:
        try:
            await websocket.close(outbox.close_code)
        except (RuntimeError, WebSocketDisconnect):
            pass  # closed by the other side
    except (RuntimeError, WebSocketDisconnect):
        pass  # closed by the other side, whose last words, a leave above all, and then its end are still to be heard


class Conversation:
    """One connection after its hello.

    Args:
        websocket: accepted.
        context: of the application.
        room: where.
        participant: who.
        outbox: what is sent to this connection.
    """

    def __init__(
        self, websocket: WebSocket, context: Context, room: Room, participant: Participant, outbox: Outbox
    ) -> None:
        self._websocket = websocket
        self._context = context
        self._settings = context.settings
        self._room = room
        self._me = participant
        self._outbox = outbox
        rate = self._settings.messages_per_second
        self._bucket = Bucket(rate, 2 * rate, 2 * rate, time.monotonic())
        self._faults = 0
        self._token_at = float("-inf")

    async def run(self) -> None:
        """Handle messages until the connection ends.

        Raises:
            WebSocketDisconnect: the page has gone, or is gone for too long.
        """
        while not self._outbox.closed:
            text = await _receive(self._websocket, self._settings.heartbeat_timeout, self._settings.message_limit)
            self._outbox.heard += 1
            if self._outbox.closed:
                # They were removed while this was under way.
                return
            if self._bucket.take(time.monotonic()):
                self._fault("rate", "Too many messages; this one was ignored.")
                continue
            try:
                message = protocol.client_messages.validate_json(text)
            except (ValidationError, ValueError) as error:
                self._fault("invalid", explain(error))
                continue
            self._handle(message)

    def _fault(self, code: str, reason: str) -> None:
        self._faults += 1
        if self._faults > MAX_FAULTS:
            raise _End(POLICY, "Too many refused messages.")
        self._outbox.put(protocol.Error(code=code, reason=reason), f"error {code}")

    def _handle(self, message: protocol.ClientMessage) -> None:
        if isinstance(message, protocol.Ping):
            self._outbox.put(protocol.Pong(n=message.n), "pong")
            self._renew_token()
            return
        if isinstance(message, protocol.Hello):
            self._fault("hello", "Hello was said already.")
            return
        if isinstance(message, protocol.Leave):
            self._room.admission.left(self._me)
            self._room.leave(self._me)
            self._outbox.close(NORMAL)
            return
        if self._me.id not in self._room.participants:
            self._fault("waiting", "The host has not let you in yet.")
            return
        if isinstance(message, Order):
            self._order(message)
            return
        if isinstance(message, insights.Search):
            self._room.insights.search.find(self._me, message)
            return
        if isinstance(message, insights.SetAnnouncer):
            self._room.insights.read_aloud(self._me, message.on)
            return
        target = message.participant
        if target is not None and target not in self._room.participants:
            self._fault("unknown", "There is no such participant.")
            return
        if isinstance(message, insights.Ask):
            self._room.insights.questions.ask(self._me, message)
            return
        if isinstance(message, insights.SetSpectrogram):
            self._room.insights.spectrograms.show(self._me, message.participant, message.face)
            return
        if isinstance(message, protocol.Rename | protocol.SetSpeaker):
            self._name(message)
            return
        try:
            self._change(message)
        except TooMany as error:
            self._fault("too_many", str(error))

    def _order(self, message: Order) -> None:
        try:
            obey(self._context, self._room, self._me, message)
        except (Forbidden, TooMany, Full) as error:
            self._fault({Forbidden: "role", TooMany: "too_many"}.get(type(error), "full"), str(error))
        except KeyError:
            self._fault("unknown", "There is no such participant.")

    def _name(self, message: protocol.Rename | protocol.SetSpeaker) -> None:
        if self._me.role != "publish":
            self._fault("role", "Watchers cannot rename anyone.")
            return
        if isinstance(message, protocol.Rename) and message.face is None and message.participant != self._me.id:
            self._fault("role", "Only they themselves can rename a participant.")
            return
        if wait := self._room.paces.renames.take(self._me.id):
            self._fault("too_many", f"Too many names at once: wait {wait} s.")
            return
        if isinstance(message, protocol.Rename):
            self._room.rename(message.participant, message.face, message.name)
            return
        try:
            self._room.insights.captions.set_speaker(message.participant, message.line, message.face, by=self._me)
        except KeyError:
            self._fault("unknown", "There is no such finished line.")

    def _change(self, message: protocol.SetFader | protocol.SetFocus | protocol.SetMute) -> None:
        if isinstance(message, protocol.SetFader):
            self._me.set_gain(message.participant, message.face, message.gain)
        elif isinstance(message, protocol.SetMute):
            self._me.faders.set_muted(message.participant, message.muted)
        elif message.participant is None and message.face is not None:
            self._fault("invalid", "A focus on a speaker needs its participant.")
            return
        else:
            self._me.faders.set_focus(message.participant, message.face)
        self._outbox.put(self._me.faders_message(), "faders")

    def _renew_token(self) -> None:
        """Send a fresh token when a fifth of the last one's life has gone."""
        lifetime = self._context.tokens.lifetime("session")
        now = time.monotonic()
        if now - self._token_at < lifetime / 5:
            return
        self._token_at = now
        token = self._context.tokens.mint("session", self._room.id, self._me.role, self._me.id)
        self._outbox.put(protocol.Token(token=token, expires_in=lifetime), "token")


def explain(error: ValueError) -> str:
    """Put the first fault of a refused message into one sentence.

    Args:
        error: what pydantic raised.

    Returns:
        Text that repeats nothing of the message but field names.
    """
    if not isinstance(error, ValidationError):
        return "The message is not JSON."
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])[:80]
    return f"{where}: {fault['msg']}" if where else fault["msg"]
