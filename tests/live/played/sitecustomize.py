"""Found first by every Python of a cluster under test: those that run actors have models that are played."""

import sys

if any("default_worker.py" in argument for argument in sys.orig_argv):
    from tests.live.kept_server import play

    play()
