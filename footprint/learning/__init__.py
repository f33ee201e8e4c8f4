"""Federated training in torch, small enough to measure end to end.

Needs the extra ``torch``. `partitions` splits data between clients, `fedavg`
trains and averages.
"""
