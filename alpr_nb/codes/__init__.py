"""What a code is, and what detections say of it."""
