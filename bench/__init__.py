"""Benches; each prints a table and rewrites its section of the pages."""

import models  # noqa: F401 - first of all, as in the product: it settles how numpy is to run
