"""Federated training in torch, small enough to measure end to end.

Needs the extra ``torch``. `datasets` reads data and `partitions` splits them between clients, which
takes no torch; `models` makes small models, `local_steps` trains them locally, many at a time
where that is possible. `fedavg` trains and averages whole epochs; `rounds` is the learner of
a simulation.
"""
