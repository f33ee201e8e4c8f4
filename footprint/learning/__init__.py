"""Federated training in torch, small enough to measure end to end.

Needs the extra ``torch``, apart from `partitions`, `masks`, `encodings`, `codecs`,
`compression`, `widths` and `savings`, which need numpy at most.

.. code-block:: text

    fedavg, partitions, networks, states    a plain training, and what it is made of
    sparse, swat, layers, flops             sparse training, emulated, and its theoretical work
    structured, frozen, widths              paths that save time
    masks, compression, codecs, encodings   what is sent, and its bytes
    savings                                 measured, theoretical, projected: never added
"""
