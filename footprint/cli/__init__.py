"""The command line: formats what the library returns, computes nothing.

Each command imports the part of the library that it needs when it runs, so that
``footprint --help`` answers at once.
"""
