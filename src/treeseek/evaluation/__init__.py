"""How good are the answers? Questions with known answers, asked of an index, scored, and compared.

It asks the engine as any frontend does: what it measures is what a user gets. `evaluate.of_questions` and
`evaluate.of_history` are its two ways in; `benchmarks/` uses the parts.
"""
