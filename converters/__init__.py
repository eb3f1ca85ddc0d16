"""From the float model to artifacts: one inference graph, one file per target, one check."""
