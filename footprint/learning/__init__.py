"""Federated training in torch, small enough to measure end to end.

Needs the extra ``torch``, apart from `datasets`, `partitions`, `masks`, `encodings`, `codecs`,
`compression`, `widths` and `savings`, which need numpy at most.

.. code-block:: text

    datasets, partitions, models            data, how clients hold it, and small models
    fedavg, local_steps, rounds             plain training, one by one or together; a learner
    clients, servers                        one client by any method, mixed answers, server steps
    networks, states                        models of papers, and their parameters
    sparse, swat, layers, flops             sparse training, emulated, and its theoretical work
    structured, frozen, widths              paths that save time
    masks, compression, codecs, encodings   what is sent, and its bytes
    savings                                 measured, theoretical, projected: never added
"""
