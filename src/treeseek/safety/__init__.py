"""What must not pass? Limits on who asks, and on what leaves."""
