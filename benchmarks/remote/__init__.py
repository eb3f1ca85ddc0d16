"""A benchmark on another machine, over ssh."""
