"""The card as text: what is said of all models, and of each."""
