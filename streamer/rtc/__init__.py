"""The media path: peer connections, RTP in and out, one clock, relaying."""
