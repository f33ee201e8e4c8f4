"""The formulae of the life cycle: pure functions over numbers and arrays.

Nothing here reads a file, looks up a factor or knows a scenario.
"""
