"""numpy in the product's processes."""

import os
import subprocess
import sys

import pytest

MODULES = [
    "streamer.engine.worker",
    "streamer.engine.look_worker",
    "streamer.observer.worker",
    "streamer.commands.process",
]

PROGRAM = """
import importlib.util, os, sys
# What `python -m` does before it runs a module: its packages are imported.
importlib.util.find_spec(sys.argv[1])
import numpy
product = numpy.ones((700, 700)) @ numpy.ones((700, 700))
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="threads are counted as Linux shows them")
@pytest.mark.parametrize("module", MODULES)
def test_products_of_matrices_are_computed_on_one_thread(module):
    # A second thread would wait by spinning: a fifth of all processor time of `earshot process` went there.
    plain = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, module], env=plain, check=True, capture_output=True, text=True, timeout=120
    )
    assert said.stdout.split() == ["1"]
