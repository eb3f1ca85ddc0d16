"""Files, images, manifests, and what the operating system offers."""
