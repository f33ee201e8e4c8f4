"""Energy sources: one file each, behind one contract.

`meter` holds the contract; `rapl`, `processor`, `memory`, `null` and `replay`
are the sources. `tracker` observes code and writes a journal; `attribution`
reads journals and says who used how much energy.
"""
