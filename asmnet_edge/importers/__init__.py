"""Import of other people's Keras models: read safely and converted to float models."""
