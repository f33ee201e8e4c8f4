"""The audit of a company: from its manifest to a statement, findings, and back again.

`read_deployment` reads the manifest, `state` makes the statement with the findings of all
checks, `verify` makes it again and compares, `explain` says why two statements differ.
"""

from footprint.audit.manifest import read_deployment
from footprint.audit.statement import Audited, audit

__all__ = ["Audited", "audit", "read_deployment"]
