"""``asmnet-edge evaluate``: one model by the protocol of each subset."""
