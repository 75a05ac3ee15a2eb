"""How does a query become ranked hits? Words and vectors of one snapshot, evidence per file, a ranking, a budget."""
