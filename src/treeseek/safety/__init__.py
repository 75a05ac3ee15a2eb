"""What must not pass? Hostile code out of its sandbox, and more than a cap allows."""
