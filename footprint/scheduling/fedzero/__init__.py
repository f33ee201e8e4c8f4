"""FedZero, after Wiesner et al., our reading: train on energy that would be lost.

Clients that share a supply form a power domain. Energy and spare capacity are forecast for
each step of time; a round shall be as short as possible, and then as useful as possible.
`problem` says what a round asks, `search` answers it; the rest is how.

References
----------
P. Wiesner et al., "FedZero: Leveraging Renewable Excess Energy in Federated Learning",
ACM e-Energy 2024, doi:10.1145/3632775.3639589. What is theirs and what is ours stands in
docs/scheduling.md.
"""
