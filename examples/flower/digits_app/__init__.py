"""Handwritten digits, learned by clients that see few of them each."""
