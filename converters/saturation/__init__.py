"""Products cut off at 16 bits, as x86 kernels without VNNI do, and weights that prevent it."""
