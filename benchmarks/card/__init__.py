"""The model card: what is to be said of weights, measured anew and written down by one command."""
