"""The service on this machine: a local cloud, a client of its API, and a demo."""
