"""What must not pass? Hostile code out of its sandbox, more than a cap allows, and whoever asks too often."""
