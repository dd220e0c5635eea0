"""Signal processing and networks: no sockets, no asyncio, no media containers."""

import os

# ONNX Runtime, once imported, gives this machine a number and reports its use to its maker: nothing may leave a call.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# numpy's OpenBLAS would share out even the small products of one frame, and its second thread waits by spinning: in
# `earshot process` that was a fifth of all processor time. It reads this when numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
