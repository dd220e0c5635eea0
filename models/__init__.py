"""Signal processing and networks: no sockets, no asyncio, no media containers."""
