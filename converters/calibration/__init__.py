"""The faces that activation ranges are measured on."""
