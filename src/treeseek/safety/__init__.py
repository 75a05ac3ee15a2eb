"""What must not pass?

Hostile code out of its sandbox (`sandbox`, `limits`), and more than a cap allows (`caps`). Secrets and what tells of a
person are found (`scanner`), by rules that are data (`data/*.toml`), and painted over in place (`redact`). It knows
nothing of files, of the index, or of who asks; it imports its engine of regular expressions when something is really
scanned.
"""
