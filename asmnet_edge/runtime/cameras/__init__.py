"""Cameras, each held by a child process that can be killed and restarted."""
