"""The audit of a company: from its manifest to a statement, findings, and back again.

`read_deployment` reads the manifest, `state` makes the statement with the findings of all
checks, `verify` makes it again and compares, `explain` says why two statements differ.
"""

from footprint.audit.checks import CHECKS, run_checks
from footprint.audit.counterparts import LoneRun
from footprint.audit.deployments import Deployment
from footprint.audit.differences import Change, StatementDifference, explain
from footprint.audit.manifest import deployment_catalogue, read_deployment
from footprint.audit.statement import Audited, audit
from footprint.audit.verification import Deviation, Verification, verify
from footprint.factors import FactorCatalogue
from footprint.model import Statement


def state(deployment: Deployment, *, catalogue: FactorCatalogue | None = None) -> Statement:
    """Make the statement of a deployment, with the findings of all checks.

    Parameters
    ----------
    deployment : Deployment
    catalogue : FactorCatalogue, optional
        Default: `deployment_catalogue`.

    Raises
    ------
    ManifestError
        If the deployment names what is not there.
    FactorNotFound
        If a zone, device or network is not in the catalogue.
    """
    catalogue = catalogue or deployment_catalogue(deployment)
    return run_checks(audit(deployment, catalogue=catalogue), catalogue)


__all__ = [
    "CHECKS",
    "Audited",
    "Change",
    "Deviation",
    "LoneRun",
    "StatementDifference",
    "Verification",
    "audit",
    "explain",
    "read_deployment",
    "run_checks",
    "state",
    "verify",
]
