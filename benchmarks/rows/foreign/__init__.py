"""Landmark networks of others, described by a TOML file."""
