"""What was let in that must not pass? Scans of a root's files, or of all that its history ever held.

It composes the walk, git's history and the scanner; it needs no index, and writes nothing but a baseline.
"""
