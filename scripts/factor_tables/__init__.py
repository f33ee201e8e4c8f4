"""Turn reference tables into emission factors; see build_factors.py."""
