"""A process that enters files in children of its own, which can be killed.

Reads lines ``NUMBER ADDRESS FILE``; starts so many children at once, says their process
numbers, and how each ended. Children are forked from what is loaded already: a fresh
interpreter for each would take longer than what is tested.
"""

import os
import sys

from footprint.errors import FootprintError
from footprint.ledger import ingest, open_ledger


def enter(address, file):
    try:
        with open_ledger(address) as ledger:
            ingest(ledger, file)
    except FootprintError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def tell(numbers):
    sys.stdout.write(" ".join(map(str, numbers)) + "\n")
    sys.stdout.flush()


def main():
    for line in sys.stdin:
        number, address, file = line.split()
        children = []
        for _ in range(int(number)):
            child = os.fork()
            if not child:
                os._exit(enter(address, file))
            children.append(child)
        tell(children)
        tell(os.waitpid(child, 0)[1] for child in children)


if __name__ == "__main__":
    main()
