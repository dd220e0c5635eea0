"""Models that only say what they are told: for tests of the ways there and back."""

import os
import time

from streamer.workers.service import Service, socket_of_parent


class Echo(Service):
    def __init__(self, sock):
        super().__init__(sock, 60)
        self.sessions = []

    def loops(self):
        return ()

    def receive(self, message):
        kind = message["type"]
        if kind == "open":
            self.sessions.append(message["sid"])
        elif kind == "close":
            self.sessions.remove(message["sid"])
        elif kind == "say":
            self.send({"type": "said", "sid": message["sid"], "text": message["text"]})
        elif kind == "ask":
            self.send({"type": "result", "n": message["n"], "result": message["text"]})
        elif kind == "count":
            self.send({"type": "result", "n": message["n"], "result": len(self.sessions)})
        elif kind == "tell all":
            self.send({"type": "news", "text": message["text"]})
        elif kind == "flood":
            for _ in range(message["times"]):
                self.send({"type": "said", "sid": message["sid"], "text": message["text"]})
        elif kind == "die":
            os._exit(1)


if __name__ == "__main__":
    time.sleep(0.05)
    Echo(socket_of_parent()).run()
