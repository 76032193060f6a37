"""What can be wrong with samples, and the stage that finds it."""
