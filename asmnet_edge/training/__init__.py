"""Models, loss and training loop in Keras 3, on any of its backends."""
