"""Which clients work in a round. One file per policy; `base` holds the contract.

The same object runs in a simulation, in a learning loop and in a live training.
"""
