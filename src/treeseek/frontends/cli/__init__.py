"""How is it asked from a terminal? Arguments in; text or JSON out, on standard output only.

It knows nothing of how files are walked, cut, stored or ranked. `docs/json.md` describes the JSON.
"""
