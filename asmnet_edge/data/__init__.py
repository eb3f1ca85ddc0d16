"""Data sets: real ones by folder, drawn ones by seed. No Keras here."""
