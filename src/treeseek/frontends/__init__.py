"""How does a person or a program ask? Each frontend parses, calls the engine, and encodes; none holds logic.

Frontends don't import each other, and nothing imports them.
"""
