"""Diagnosis of this machine."""
