"""What a model finds in faces, against the truth and against the float model."""
