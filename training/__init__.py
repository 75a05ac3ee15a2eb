"""Recipes that make the weights in the wheel, from public data on this machine's disk."""
