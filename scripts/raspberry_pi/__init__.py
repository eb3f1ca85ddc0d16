"""Scripts for a device, installed as ``asmnet_edge.raspberry_pi`` so that ``bundle`` finds them."""
