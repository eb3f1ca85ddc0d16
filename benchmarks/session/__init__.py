"""One benchmark run, phase by phase."""
