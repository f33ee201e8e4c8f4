"""Studies: methods of training on the same data, clients, first models and seeds, measured.

.. code-block:: text

    manifest -> plan         what people write, and what it means
    worlds                   data, clients and first models of a seed, the same for every method
    runs                     one method with one seed, through the tracker, into a journal
    measures                 a journal as figures: accuracy, energy, bytes, emissions
    comparison, study        every method with every seed, side by side
"""
