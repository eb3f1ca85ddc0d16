"""Model card: facts and measurements of weights, written down by one command."""
