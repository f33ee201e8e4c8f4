"""Gathering what an advisor needs to know of a company, from the folders of its silos.

Everything happens in this process: the files of a silo are read where they lie, and nothing of
them is kept but catalogues and sketches. A silo that cannot be read is in the findings and in
the coverage of every analysis, and stops nothing. Over Flower a `Coordinator` does the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from footprint.audit.deployments import Deployment
from footprint.errors import FootprintError, ManifestError, MissingExtra
from footprint.factors import FactorCatalogue
from footprint.management.advisor.company import Company
from footprint.management.advisor.needs import Needs, SiloFolder
from footprint.management.advisor.phrases import listed
from footprint.management.analytics import Came, Reply, merge_answers
from footprint.management.answers import Responder
from footprint.management.catalogue import SiloCatalogue
from footprint.management.declaration import NAME, DatasetTable, Silo
from footprint.management.doubts import doubt_analysis, doubt_catalogue, leave_out
from footprint.management.drift_questions import list_drift_questions
from footprint.management.folders import DeclaredSilo, publish_findings, read_folder
from footprint.management.questions import Question, Statistic, write_message
from footprint.management.results import Result, Traffic
from footprint.management.scanning import Declared, LaterThanNow, scan_silo
from footprint.management.sketches import library
from footprint.model import Finding, InputFile, Severity

Progress = Callable[[str], None]
"""Is told what is looked at next."""


def _say_nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The silos of a company, as far as they can be read.

    Attributes
    ----------
    company : Company
        With catalogues, and without analyses.
    silos : mapping of str to Silo
        Declarations of those with a folder: they can be asked.
    missing : mapping of str to Came
        What came of the others that the company names.
    secret : str
        That the silos share.
    """

    company: Company
    silos: Mapping[str, Silo]
    missing: Mapping[str, Came]
    secret: str = field(repr=False)

    def ask(self, question: Question, progress: Progress = _say_nothing) -> Result:
        """Ask all silos with a folder, as a coordinator would.

        Parameters
        ----------
        question : Question
        progress : callable, optional
            Is told the name of each silo before it answers.

        Raises
        ------
        MissingExtra
            If the library of the sketches is not installed.
        """
        library()
        replies: dict[str, Reply | Came] = dict(self.missing)
        asked_bytes = answered_bytes = 0
        for name, silo in self.silos.items():
            progress(name)
            catalogue = self.company.catalogues[name]
            # An application may be called like a dataset.
            left_out = set(catalogue.left_out) - {one.id for one in catalogue.datasets}
            if question.dataset in left_out:
                replies[name] = Came.FAILED
                continue
            if question.dataset is None:
                silo = _without(silo, left_out)
            asked_bytes += len(write_message(question).encode())
            answer, sketches = Responder(silo, self.secret).answer(question, self.company.now_s)
            head = write_message(answer)
            answered_bytes += len(head.encode()) + sum(map(len, sketches))
            replies[name] = Reply(head, sketches)
        analysis = merge_answers(question, replies, self.company.catalogues)
        return Result(None, analysis, Traffic(asked_bytes, answered_bytes, analysis.raw_bytes))


def gather(
    needs: Needs,
    deployment: Deployment,
    factors: FactorCatalogue,
    now_s: float,
    *,
    recorded: Mapping[str, SiloCatalogue] | None = None,
    progress: Progress = _say_nothing,
) -> Company:
    """Gather all that advice is made from: catalogues, duplicates, and histograms.

    Parameters
    ----------
    needs : Needs
    deployment : Deployment
    factors : FactorCatalogue
    now_s : float
        For which the advice is made (Unix time [s]).
    recorded, progress
        As in `gather_silos`.

    Raises
    ------
    ManifestError
        If the manifest names silos or grids that cannot be.
    MissingExtra
        If an optional package is needed that is not installed.
    """
    questions = list_drift_questions(needs)
    gathered = gather_silos(needs, deployment, factors, now_s, recorded=recorded, progress=progress)
    company = gathered.company
    if not gathered.silos:
        return company
    progress("copies among all datasets")
    everything = Question(
        id="duplicates",
        statistic=Statistic.DUPLICATES,
        similarity=needs.similarity,
        # Each silo keeps its own minimum of rows.
        minimum_rows=1,
        minimum_silos=1,
    )
    duplicates = gathered.ask(everything).analysis
    histograms = {}
    for place, question in questions.items():
        progress(f"{question.column} of {question.dataset}")
        histograms[place] = gathered.ask(question).analysis
    doubts = [one for found in (duplicates, *histograms.values()) for one in doubt_analysis(found)]
    return replace(
        company,
        duplicates=duplicates,
        histograms=histograms,
        findings=(*company.findings, *doubts),
    )


def gather_silos(
    needs: Needs,
    deployment: Deployment,
    factors: FactorCatalogue,
    now_s: float,
    *,
    recorded: Mapping[str, SiloCatalogue] | None = None,
    progress: Progress = _say_nothing,
) -> Gathered:
    """Look through the folders of all silos that a company names.

    Parameters
    ----------
    needs : Needs
    deployment : Deployment
        Its `outside` says whether folders may lie outside of that of the manifest.
    factors : FactorCatalogue
        That storage classes are looked up in.
    now_s : float
        Unix time [s].
    recorded : mapping of str to SiloCatalogue, optional
        Catalogues of silos without a folder, such as the latest ones of a ledger. They cannot
        be asked.
    progress : callable, optional
        Is told the name of each silo before it is looked through.

    Raises
    ------
    ManifestError
        If the manifest names a silo twice, or one that the deployment does not have.
    MissingExtra
        If a file needs a package that is not installed.
    """
    company = Company(
        deployment=deployment, needs=needs, catalogues={}, factors=factors, now_s=now_s
    )
    _check_names(company)
    seen: dict[str, _Seen] = {}
    findings: list[Finding] = [] if needs.silos else [_no_silos(needs)]
    for table in needs.silos:
        try:
            seen[table.name] = _look_through(table, company, recorded or {}, progress)
        except MissingExtra:
            raise  # of this machine, and not of the silo
        except FootprintError as error:
            findings.append(_left_out(table.name, error))
    for one in seen.values():
        findings += one.findings
    declared = {name: one.declared for name, one in seen.items() if one.declared is not None}
    texts = {name: one.text for name, one in declared.items()}
    company = replace(
        company,
        catalogues={name: one.catalogue for name, one in seen.items()},
        findings=publish_findings(needs, dict.fromkeys(findings)),
        inputs=tuple(
            InputFile(f"{name}/{NAME}", hashlib.sha256(text).hexdigest())
            for name, text in texts.items()
        ),
    )
    return Gathered(
        company=company,
        silos={name: one.silo for name, one in declared.items()},
        missing={
            table.name: Came.LATE if table.name in seen else Came.FAILED
            for table in needs.silos
            if table.name not in declared
        },
        secret=_derive_secret(texts.values()),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """A silo as it was seen; `declared` is None if only its catalogue is recorded."""

    catalogue: SiloCatalogue
    declared: DeclaredSilo | None
    findings: tuple[Finding, ...]


def _look_through(
    table: SiloFolder,
    company: Company,
    recorded: Mapping[str, SiloCatalogue],
    progress: Progress,
) -> _Seen:
    declared = None
    spoilt: list[tuple[Declared, FootprintError]] = []
    if table.folder is None:
        catalogue = _recorded(table.name, company.needs, recorded)
    else:
        progress(table.name)
        declared = read_folder(table, company.needs, outside=company.deployment.outside)
        catalogue = scan_silo(declared.silo, company.now_s, spoilt=spoilt)
    catalogue, unbelieved = leave_out(catalogue)
    findings = [*_spoilt(table.name, spoilt)]
    findings += (*unbelieved, *doubt_catalogue(company, catalogue))
    return _Seen(catalogue, declared, tuple(findings))


def _without(silo: Silo, names: Collection[str]) -> Silo:
    """Leave out what cannot be read, so that the rest can be asked for."""
    return replace(silo, datasets=tuple(one for one in silo.datasets if one.id not in names))


def _check_names(company: Company) -> None:
    seen: set[str] = set()
    for number, table in enumerate(company.needs.silos, start=1):
        key = f"silos[{number}]"
        company.silo(table.name, key)
        if table.name in seen:
            raise ManifestError(
                f"{company.needs.origin}, {key}: {table.name!r} is there twice.", "Leave one out."
            )
        seen.add(table.name)


def _recorded(name: str, needs: Needs, recorded: Mapping[str, SiloCatalogue]) -> SiloCatalogue:
    if name not in recorded or recorded[name].silo != name:
        raise ManifestError(
            f"{needs.origin}, silo {name!r} has no folder, and no catalogue of it is recorded.",
            "Name its folder; or the ledger that has its catalogue (footprint manage record).",
        )
    return recorded[name]


def _no_silos(needs: Needs) -> Finding:
    return Finding(
        "no-silos",
        f"{needs.origin} names no silo: nothing is known of what lies where.",
        Severity.ERROR,
        "Add [[silos]] tables with name and folder.",
    )


def _left_out(name: str, error: FootprintError) -> Finding:
    message = f"Silo {name!r} is left out: {error.message}"
    return Finding("silo-failed", message, Severity.ERROR, error.remedy, name)


def _spoilt(silo: str, spoilt: Sequence[tuple[Declared, FootprintError]]) -> Iterator[Finding]:
    """Say what is left out of a silo, and why."""
    later = [(table, error) for table, error in spoilt if isinstance(error, LaterThanNow)]
    if len(later) > 1:
        # Mostly the day was chosen, and one sentence is enough.
        names, first = listed([table.id for table, _ in later]), later[0][1]
        yield Finding(
            "entries-later",
            f"{len(later)} entries of {silo} are left out ({names}). The first: {first.message}",
            Severity.ERROR,
            first.remedy,
            silo,
        )
        spoilt = [(table, error) for table, error in spoilt if (table, error) not in later]
    for table, error in spoilt:
        place = f"{silo}/{table.id}"
        if isinstance(table, DatasetTable):
            code, what = "dataset-failed", place
        else:
            code, what = "application-failed", f"What {place} uses"
        message = f"{what} is left out: {error.message}"
        yield Finding(code, message, Severity.ERROR, error.remedy, place)


def _derive_secret(texts: Iterable[bytes]) -> str:
    """Derive the secret of the silos from their declarations, which nobody else has.

    So the same silos give the same hashes each time. What is printed of an analysis can hold
    hashes of values, and must not come from a secret that everybody can read here.
    """
    digest = hashlib.blake2b(person=b"footprint silos")
    for text in sorted(texts):
        digest.update(hashlib.blake2b(text).digest())
    return digest.hexdigest()
