"""Products cut off at 16 bits: where x86 kernels without VNNI do so, and weights that prevent it."""
