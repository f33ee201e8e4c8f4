"""What came of a question, as it is kept in a file: the analysis, what moved, and its energy.

.. code-block:: python

    result = coordinator.ask(question)
    Path("customers.json").write_text(write_result(result))
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pydantic

from footprint.errors import DataError, UsageError
from footprint.factors import FactorCatalogue
from footprint.lifecycle.network import transfer_energy
from footprint.management.analytics import Analysis, Came, Coverage
from footprint.management.catalogue import SiloCatalogue, read_catalogue, write_catalogue
from footprint.management.sketches import STRICT_JSON, Estimate
from footprint.model import Finding, Severity
from footprint.units import bytes_to_gb

RESULT_FORMAT = "footprint-analysis"
CATALOGUES_FORMAT = "footprint-silo-catalogues"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an analysis moved, beside what the raw data would have.

    Attributes
    ----------
    asked_bytes, answered_bytes : int
        Payload of all messages; in one process what they would have had.
    raw_bytes : int or None
        Of what the answers are about; None if a silo does not say.
    """

    asked_bytes: int
    answered_bytes: int
    raw_bytes: int | None

    __pydantic_config__ = STRICT_JSON

    @property
    def moved_bytes(self) -> int:
        """Payload in both directions."""
        return self.asked_bytes + self.answered_bytes

    def energy(self, catalogue: FactorCatalogue, network: str) -> tuple[Estimate, Estimate | None]:
        """Energy of the network for what moved, and for the raw data [kWh].

        Parameters
        ----------
        catalogue : FactorCatalogue
        network : str
            Subject of a ``network_energy`` factor, such as ``"fixed_core_access"``.

        Raises
        ------
        FactorNotFound
            If the catalogue has no such factor.
        """
        factor = catalogue.resolve("network_energy", subject=network).factor
        ends = catalogue.bounds(factor)[:2]

        def kwh(name: str, count: int) -> Estimate:
            data_gb = bytes_to_gb(count)
            low, high = (transfer_energy(data_gb, end) for end in ends)
            return Estimate(name, transfer_energy(data_gb, factor.value), low, high)

        moved = kwh("moved", self.moved_bytes)
        raw = None if self.raw_bytes is None else kwh("raw data", self.raw_bytes)
        return moved, raw


@dataclass(frozen=True, slots=True)
class NetworkEnergy:
    """Energy of the network for what moved, and for the raw data [kWh], by one factor."""

    network: str
    moved: Estimate
    raw: Estimate | None

    __pydantic_config__ = STRICT_JSON


@dataclass(frozen=True, slots=True)
class Result:
    """An analysis with what it moved.

    Attributes
    ----------
    number : int or None
        Round of the run: under it the energy stands in the journal. None without a run.
    """

    number: int | None
    analysis: Analysis
    traffic: Traffic
    energy: NetworkEnergy | None = None
    findings: tuple[Finding, ...] = ()

    __pydantic_config__ = STRICT_JSON

    def with_energy(self, catalogue: FactorCatalogue, network: str) -> Result:
        """Add what the network used; see `Traffic.energy`."""
        return replace(
            self, energy=NetworkEnergy(network, *self.traffic.energy(catalogue, network))
        )


@dataclass(frozen=True, slots=True)
class Catalogues:
    """What silos have, and which of them said nothing."""

    silos: tuple[SiloCatalogue, ...]
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(
        cls, silos: Mapping[str, SiloCatalogue], coverage: Iterable[Coverage] = ()
    ) -> Catalogues:
        """Take what `Coordinator.collect` brought."""
        return cls(tuple(silos[name] for name in sorted(silos)), list_absent(coverage))


def list_absent(coverage: Iterable[Coverage]) -> tuple[Finding, ...]:
    """Say of which silos nothing that can be used came."""
    return tuple(
        Finding(
            f"silo-{one.came.value}",
            f"Silo {one.silo!r} is left out: {one.came.value}. {one.reason}".rstrip(),
            Severity.ERROR,
            place=one.silo,
        )
        for one in coverage
        if one.came not in (Came.ANSWERED, Came.REFUSED)
    )


def write_result(result: Result) -> str:
    """Write a result as JSON, without the merged sketch."""
    return _write(RESULT_FORMAT, _dump(Result, result, exclude={"analysis": {"merged"}}))


def read_result(text: str, name: str) -> Result:
    """Read what `write_result` wrote.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for errors.

    Raises
    ------
    DataError
        If it is none, or says what cannot be.
    """
    document = _read(text, RESULT_FORMAT, name)
    analysis = document.get("analysis")
    if isinstance(analysis, dict) and "merged" in analysis:
        raise DataError(f"{name}, analysis.merged: sketches are not kept.", _REMEDY)
    found: Result = _load(Result, document, name)
    return found


def write_catalogues(found: Catalogues) -> str:
    """Write the catalogues of silos as one JSON document."""
    return _write(
        CATALOGUES_FORMAT,
        {
            "silos": [json.loads(write_catalogue(one)) for one in found.silos],
            "findings": _dump(tuple[Finding, ...], found.findings),
        },
    )


def read_catalogues(text: str, name: str, now_s: float) -> Catalogues:
    """Read what `write_catalogues` wrote; see `read_result` and `read_catalogue`."""
    document = _read(text, CATALOGUES_FORMAT, name)
    silos = document.pop("silos", None)
    findings = _load(tuple[Finding, ...], document.pop("findings", []), name)
    if document or not isinstance(silos, list):
        raise DataError(f"{name} is no document of catalogues.", _REMEDY)
    try:
        found = tuple(read_catalogue(json.dumps(one).encode(), now_s) for one in silos)
    except DataError as error:
        raise DataError(f"{name}: {error.message}", _REMEDY) from error
    if len({one.silo for one in found}) < len(found):
        raise DataError(f"{name}: two silos have one name.", _REMEDY)
    return Catalogues(found, findings)


_REMEDY = "Write it again: footprint manage catalogue or analyse, with -o."


def _write(kind: str, body: dict[str, Any]) -> str:
    document = {"format": kind, "format_version": FORMAT_VERSION, **body}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _read(text: str, kind: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} is not JSON.", _REMEDY) from error
    if not isinstance(document, dict) or document.pop("format", None) != kind:
        raise DataError(f"{name} is no {kind}.", _REMEDY)
    if (version := document.pop("format_version", None)) != FORMAT_VERSION:
        raise DataError(
            f"{name} has the format version {str(version)[:20]!r}; this release reads "
            f"{FORMAT_VERSION}.",
            _REMEDY,
        )
    return document


def _dump(kind: Any, value: Any, **options: Any) -> Any:
    return _adapter(kind).dump_python(value, mode="json", **options)


def _load(kind: Any, document: Any, name: str) -> Any:
    try:
        return _adapter(kind).validate_json(json.dumps(document))
    except (pydantic.ValidationError, RecursionError) as error:
        where = ""
        if isinstance(error, pydantic.ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            steps = (str(step)[:40] for step in first["loc"])
            where = f"{'.'.join(step for step in steps if step.isprintable())}: {first['msg']}"
        raise DataError(f"{name} says what cannot be: {where}.", _REMEDY) from error
    except UsageError as error:  # of a question that nobody can ask
        raise DataError(f"{name} says what cannot be: {error.message}", _REMEDY) from error


@functools.cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)
