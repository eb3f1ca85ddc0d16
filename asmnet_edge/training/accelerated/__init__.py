"""Training steps in PyTorch that run on CPU and CUDA alike; no Keras and no OpenCV here."""
