"""Cases of a benchmark: models in runtimes, each in a process of its own."""
