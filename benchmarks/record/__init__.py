"""The benchmark record: one run as a versioned JSON file."""
