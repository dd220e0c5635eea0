"""Signal processing and networks: no sockets, no asyncio, no media containers."""

import os

# ONNX Runtime, once imported, gives this machine a number and reports its use to its maker: nothing may leave a call.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
