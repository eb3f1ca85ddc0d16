"""Cameras that come back: each in a process that can be killed."""
