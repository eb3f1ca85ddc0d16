"""Files, images, drawing, manifests, registries, and access to the operating system."""
