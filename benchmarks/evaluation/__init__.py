"""Evaluation of one model by the protocol of each subset: ``asmnet-edge evaluate``."""
