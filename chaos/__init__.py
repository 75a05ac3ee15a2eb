"""Does an index survive what can happen to it? Kills, failing disks, power cuts, flipped bits, and others at it.

`python -m chaos.run` runs a campaign: real syncs of small trees in real processes, struck in every way that these parts
know, and judged by one rule (`contents`): an index holds exactly what was acknowledged last, or what was just being
committed, and the next sync makes it equal to a fresh one. Not in the wheel; needs Linux and a C compiler.
"""
