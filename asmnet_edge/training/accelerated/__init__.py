"""Training in plain PyTorch for a machine with a GPU: faces, views and networks stay on the device.

Imported where PyTorch is; nothing here needs Keras but `export`, which brings the weights back.
"""
