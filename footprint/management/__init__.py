"""Data and applications of a company in many silos: catalogues, and analyses without the data.

A silo says what it has (`catalogue`), and answers questions with counts and sketches
(`answers`); a coordinator asks, checks and merges (`analytics`). Raw records never leave a
silo: what the answers do give away is in docs/management.md.
"""
