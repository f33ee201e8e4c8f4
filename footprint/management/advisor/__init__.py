"""Advice on data and applications: options with their estimates, and which one to choose."""
