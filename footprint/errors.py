"""The errors that footprint raises on purpose.

.. code-block:: text

    FootprintError                 exit   raised when
    ├── UsageError                  2     the call or the command line cannot mean anything
    │   ├── MissingPlace            2     an activity has no grid zone and none was given
    │   ├── MissingKey              2     a live source asks for a key that the environment lacks
    │   └── BoundaryMismatch        2     two results do not measure the same thing
    ├── DataError                   3     something that was read is wrong
    │   ├── UnitError               3     a quantity does not parse or has another dimension
    │   ├── JournalError            3     a journal holds nothing that can be read
    │   ├── DocumentError           3     a result file is not one of ours, or not this version
    │   ├── ManifestError           3     a manifest says something that cannot mean anything
    │   │   └── ManifestIncomplete  3     a manifest lacks what a formula needs
    │   ├── PaperCaseError          3     a paper case says something that cannot mean anything
    │   ├── LedgerError             3     a ledger cannot be used, or refuses what it was given
    │   └── FactorError             3     a factor file or a catalogue is broken
    │       └── FactorNotFound      3     no factor answers the query
    ├── SourceError                 3     a live source answered wrong, or refused
    │   ├── SourceUnreachable       3     a live source did not answer at all
    │   └── KeyRefused              3     a live source does not take the key
    ├── SimulationError             3     a simulation broke one of its own laws
    ├── MeterError                  3     an energy source cannot be read
    │   └── MeterAbsent             3     this machine has no such source
    ├── SolverError                 3     an optimiser stopped without an answer
    └── MissingExtra                4     an optional dependency is not installed

Every error carries what was found and expected (`message`), what to do
(`remedy`) and a short stable `code`. The command line prints the first two and
exits with `exit_code`; nothing else in the package looks at `exit_code`.
"""

from __future__ import annotations


class FootprintError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What was found and what was expected; names the file and the key for
        anything that a person wrote.
    remedy : str
        What the reader can do now.
    """

    code = "error"
    exit_code = 3

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(FootprintError):
    """The call or the command line cannot mean anything."""

    code = "usage"
    exit_code = 2


class MissingPlace(UsageError):
    """An activity has no grid zone; places are never guessed."""

    code = "missing-place"


class MissingKey(UsageError):
    """A live source asks for a key, and the environment holds none."""

    code = "missing-key"


class BoundaryMismatch(UsageError):
    """Two results differ in boundary, signal or functional unit."""

    code = "boundary-mismatch"


class DataError(FootprintError):
    """Something that was read is wrong."""

    code = "data"


class UnitError(DataError):
    """A quantity does not parse, or has another dimension than expected."""

    code = "unit"


class JournalError(DataError):
    """A journal holds nothing that can be read."""

    code = "journal"


class DocumentError(DataError):
    """A result file is not one of ours, or has another format version."""

    code = "document"


class ManifestError(DataError):
    """A manifest cannot be read, or says something that cannot mean anything."""

    code = "manifest"


class ManifestIncomplete(ManifestError):
    """A manifest lacks what a formula needs.

    Parameters
    ----------
    keys : tuple of str
        All keys that are missing; the message is about the first.
    """

    code = "manifest-incomplete"

    def __init__(self, message: str, remedy: str = "", keys: tuple[str, ...] = ()) -> None:
        super().__init__(message, remedy)
        self.keys = keys


class PaperCaseError(DataError):
    """A paper case cannot be read, or says something that cannot mean anything."""

    code = "paper-case"


class LedgerError(DataError):
    """A ledger cannot be used, or what it was given contradicts what it holds."""

    code = "ledger"


class FactorError(DataError):
    """A factor file or a catalogue is broken."""

    code = "factor"


class FactorNotFound(FactorError):
    """No factor of the catalogue answers the query."""

    code = "factor-not-found"


class SourceError(FootprintError):
    """A live source answered with something that cannot be used, or refused to answer."""

    code = "source"


class SourceUnreachable(SourceError):
    """A live source did not answer: no network, no such host, or too slow."""

    code = "source-unreachable"


class KeyRefused(SourceError):
    """A live source does not take the key: it is wrong, or has expired."""

    code = "key-refused"


class SimulationError(FootprintError):
    """A simulation broke one of its own laws, such as that no energy is used twice."""

    code = "simulation"


class MeterError(FootprintError):
    """An energy source cannot be read."""

    code = "meter"


class MeterAbsent(MeterError):
    """The machine has no such source: nothing is wrong, it is just not there."""

    code = "meter-absent"


class SolverError(FootprintError):
    """An optimiser stopped without an answer: neither a solution nor a proof that there is none."""

    code = "solver"


class MissingExtra(FootprintError):
    """An optional dependency is not installed."""

    code = "missing-extra"
    exit_code = 4

    @classmethod
    def of(cls, extra: str, feature: str) -> MissingExtra:
        """Say which install line brings `feature`."""
        return cls(
            f"{feature} needs the extra {extra!r}, which is not installed.",
            f"Install it with: pip install 'footprint[{extra}]'",
        )
