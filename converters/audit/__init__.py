"""What a model file holds and what it computes in eight bits, read without Keras."""
