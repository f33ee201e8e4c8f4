"""What estimates lack of silos whose device nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from footprint.management.advisor.company import Company
from footprint.management.advisor.phrases import listed
from footprint.model import Assessment, Contribution, Finding, Stage

_NO_BUILDING = "pue/end_user_device"
_COMPUTED = "kWh"


def doubt_devices(
    company: Company, estimates: Iterable[Assessment], stored: Iterable[Contribution]
) -> Iterator[Finding]:
    """Say which silos have no device, and what is not counted of them.

    Parameters
    ----------
    company : Company
    estimates : iterable of Assessment
        Of all options.
    stored : iterable of Contribution
        Of what lies where.
    """
    bare, homeless = set(), {one.actor for one in stored if _is_homeless(one)}
    for estimate in estimates:
        homeless |= {one.actor for one in estimate.contributions if _is_homeless(one)}
        if "device-missing" in estimate.boundary.gaps:
            bare |= {one.actor for one in estimate.contributions if _is_bare(one)}
    where = f"[[silos]] in {company.deployment.origin or 'deployment.toml'}"
    if bare:
        yield Finding(
            "silo-device-missing",
            f"No device is known of {listed(sorted(bare))}: the making of hardware there is in no "
            "estimate.",
            remedy=f'Write device = "server", or what it is, under {where}.',
        )
    if homeless:
        yield Finding(
            "silo-overhead-missing",
            f"{listed(sorted(homeless))}: no device and no pue; counted as what stands in no data "
            "centre, without the overhead of a building.",
            remedy=f'Write device = "server", or what it is, under {where}; or pue at its place.',
        )


def _is_bare(one: Contribution) -> bool:
    return one.device is None and one.stage is Stage.OPERATION and one.amount_unit == _COMPUTED


def _is_homeless(one: Contribution) -> bool:
    return one.device is None and _NO_BUILDING in one.terms
