"""Whether an artifact gives what the float model gives."""
