"""Earshot: the live system, everything with a clock, a socket or a session."""

import models  # noqa: F401 - first of all: it settles how numpy is to run
