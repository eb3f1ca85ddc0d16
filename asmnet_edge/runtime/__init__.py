"""The runtime for devices: backends, landmarker, detector, tracker, pipeline, cameras, server."""
