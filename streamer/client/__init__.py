"""The other end of a call: a WHIP client and the tracks it sends."""
