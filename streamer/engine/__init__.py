"""The models in a process of their own: `batch` is the engine, `worker` its process, `client` the call's side."""
