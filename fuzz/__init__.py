"""Is there an input that breaks it? Coverage-guided fuzzing of the syntax trees, and what it found, kept as inputs.

A target is a function of bytes that raises when something doesn't hold (`targets`). `python -m fuzz.run` runs a
campaign, `python -m fuzz.replay` runs one input. Not in the wheel; needs atheris, but for replaying.
"""
