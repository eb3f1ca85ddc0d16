"""Saturation of 16-bit sums in x86 kernels without VNNI, and weights that prevent it."""
