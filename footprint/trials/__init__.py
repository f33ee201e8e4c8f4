"""Policies in a simulated world, over several seeds: from a manifest to an evaluation.

`manifest` reads what people write, `worlds` builds it, `work` runs one policy with one seed,
`engines` runs many, `evaluate` compares them.
"""
