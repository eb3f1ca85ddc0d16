"""Drawn faces with exact landmarks and pose, rendered by ray marching."""
