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
    told = []
    if bare:
        who = listed(sorted(bare))
        told.append(
            f"No device is known of {who}: the making of what computes there is in no estimate."
        )
    if homeless:
        told.append(
            f"{'They' if homeless == bare else listed(sorted(homeless))} have no device and no "
            "pue: counted as what stands in no data centre, without the overhead of a building."
        )
    if told:
        origin = company.deployment.origin or "deployment.toml"
        remedy = f'Write device = "server", or what it is, under [[silos]] in {origin}'
        remedy += "; or the pue of their places." if homeless else "."
        yield Finding("silo-device-missing", " ".join(told), remedy=remedy)


def _is_bare(one: Contribution) -> bool:
    return one.device is None and one.stage is Stage.OPERATION and one.amount_unit == _COMPUTED


def _is_homeless(one: Contribution) -> bool:
    return one.device is None and _NO_BUILDING in one.terms
