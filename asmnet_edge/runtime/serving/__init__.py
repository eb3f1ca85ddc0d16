"""What the camera sees, in a browser."""
