"""What must not pass?

Hostile code out of its sandbox (`sandbox`, `limits`), more than a cap allows (`caps`), and
whoever asks too often (`rates`). Secrets and what tells of a
person are found (`scanner`), by rules that are data (`data/*.toml`), and painted over in place (`redact`). It knows
nothing of files, of the index, or of who asks; it imports its engine of regular expressions when something is really
scanned.
"""
