"""Accuracy of int8: simulation, sensitivity, repairs of weights, mixed-precision plans."""
