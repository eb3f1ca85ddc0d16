"""The machine: what it is, and what it was doing while something was measured."""
