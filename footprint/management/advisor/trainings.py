"""What a use case would do over the horizon, as activities of silos.

The same plan as that of a manifest (`footprint.simulation.analytic`): only the names of its
server and its centre become that of the silo where they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from footprint.management.advisor.overlaps import Overlaps, find_overlaps, new_share
from footprint.management.advisor.unread import missing_of
from footprint.management.advisor.use_cases import UseCase, of_silo
from footprint.management.sketches import LG_REGISTERS, LG_ROWS
from footprint.model import (
    Access,
    Activity,
    Architecture,
    Centre,
    ClientGroup,
    Coordinator,
    LifeCycle,
    Phase,
    Retention,
    Role,
    Study,
    Training,
)
from footprint.scenarios import plan_study
from footprint.units import bytes_to_gb

SKETCH_BYTES = max(1 << LG_REGISTERS, 8 + 8 * (1 << LG_ROWS))
"""Largest answer of a silo about one dataset: registers of HyperLogLog, or hashes of rows."""


def missing_for_training(use: UseCase) -> list[str]:
    """List the keys without which a federated training cannot be estimated."""
    missing = [] if use.table.model_gb else ["model"]
    for key, table in (("epoch", use.table.epoch_s), ("power", use.table.power_w)):
        unknown = [silo for silo in use.silos if of_silo(table, silo) is None]
        if unknown:
            missing.append(f"{key} of {', '.join(unknown)}")
    return missing


def missing_for_federating(use: UseCase) -> list[str]:
    """List what a federated training needs beyond that of each silo: the power of waiting."""
    if missing := missing_for_training(use):
        return missing
    waiting = sorted(
        {one.actor for one in federate(use) if one.energy_kwh is None and one.duration_s}
    )
    return [f"idle of {', '.join(waiting)}"] if waiting else []


def missing_for_asking(use: UseCase) -> list[str]:
    """List the keys without which looking through the data cannot be estimated."""
    missing = []
    for key, table in (("scan", use.table.scan_s), ("power", use.table.power_w)):
        unknown = [silo for silo in use.silos if of_silo(table, silo) is None]
        if unknown:
            missing.append(f"{key} of {', '.join(unknown)}")
    return missing


def missing_for_centre(use: UseCase) -> list[str]:
    """List what a central training cannot be estimated without: keys, and what is there."""
    keys = {
        "centre": use.table.centre,
        "centre-training": use.table.centre_training_s,
        "centre-power": use.table.centre_power_w,
    }
    missing = [key for key, value in keys.items() if value is None]
    centre = [] if use.table.centre is None else [use.table.centre]
    return missing + missing_of(use.company, use.table.dataset, centre)


def federate(use: UseCase) -> list[Activity]:
    """Plan all federated trainings: epochs, transfers, waiting, and the coordinator."""
    study = _study(use)
    if use.table.centre is not None:
        server = Coordinator(
            zone=use.company.zone(use.table.centre, use.key),
            device=use.company.silo(use.table.centre, use.key).device,
            idle_w=of_silo(use.table.idle_w, use.table.centre),
        )
        study = replace(study, server=server)
    return _placed(use, study, Architecture.FEDERATED)


def train_alone(use: UseCase) -> list[Activity]:
    """Plan what silos themselves do in all federated trainings: epochs and transfers.

    Neither waiting nor the coordinator, which are not a single silo's.
    """
    study = _study(use)
    study = replace(study, training=replace(study.training, waiting=False))
    return _placed(use, study, Architecture.FEDERATED)


def centralise(use: UseCase) -> list[Activity]:
    """Plan copying the data to the centre, keeping it, and all trainings there.

    What lies at the centre already is neither moved nor kept once more, nor is what a silo
    before has sent.
    """
    assert use.table.centre is not None
    centre = Centre(
        zone=use.company.zone(use.table.centre, use.key),
        device=use.company.silo(use.table.centre, use.key).device,
        power_w=use.table.centre_power_w,
        training_s=use.table.centre_training_s or 0.0,
    )
    study = replace(_study(use), centralised=centre)
    return _placed(use, study, Architecture.CENTRALISED)


def ask(use: UseCase) -> Iterator[Activity]:
    """Plan asking silos for counts and sketches: looking through their data, and answering."""
    for silo in use.silos:
        scan_s, power_w = of_silo(use.table.scan_s, silo), of_silo(use.table.power_w, silo)
        if scan_s is not None and power_w is not None:
            yield use.company.activity(
                silo,
                Phase.EVALUATE,
                key=use.key,
                duration_s=use.table.questions * scan_s,
                power_w=power_w,
                life_cycle=LifeCycle.PREPARE,
            )
        yield use.company.activity(
            silo,
            Phase.UPLOAD,
            key=use.key,
            data_gb=use.table.questions * bytes_to_gb(SKETCH_BYTES),
            life_cycle=LifeCycle.PREPARE,
        )


def copied_gb(use: UseCase, *, sure_only: bool = False) -> float:
    """Sum the data that would be copied to the centre in the horizon [GB].

    With `sure_only` silos send what merely may be there already: samples do not say.
    """
    overlaps = find_overlaps(use, sure_only=sure_only)
    return use.table.copies * sum(_sizes_gb(use, overlaps).values())


def _sizes_gb(use: UseCase, overlaps: Overlaps) -> dict[str, float]:
    """Size of what each silo would send to the centre once [GB]; no record is sent twice."""
    before: list[str] = []
    sizes = {}
    for silo in sorted(use.silos, key=lambda silo: silo != use.table.centre):
        whole_gb = bytes_to_gb(use.holders[silo].size_bytes)
        at_centre = silo == use.table.centre
        sizes[silo] = 0.0 if at_centre else whole_gb * new_share(silo, before, overlaps)
        before.append(silo)
    return sizes


def _study(use: UseCase) -> Study:
    sizes_gb = _sizes_gb(use, find_overlaps(use))
    groups = tuple(_group(use, silo, sizes_gb[silo]) for silo in use.silos)
    return Study(
        name=use.table.name,
        functional_unit=use.table.name,
        year=datetime.fromtimestamp(use.company.now_s, UTC).year,
        network=use.company.deployment.method.network,
        clients=groups,
        training=Training(
            rounds=use.table.rounds,
            clients_per_round=len(groups),
            local_epochs=use.table.local_epochs,
            model_gb=use.table.model_gb,
            retrainings=use.table.trainings - 1,
        ),
        storage=Retention(horizon_s=use.company.needs.horizon_s, refreshes=use.table.copies),
    )


def _group(use: UseCase, silo: str, data_gb: float) -> ClientGroup:
    table = use.company.silo(silo, use.key)
    return ClientGroup(
        name=silo,
        zone=use.company.zone(silo, use.key),
        device=table.device,
        power_w=of_silo(use.table.power_w, silo),
        idle_w=of_silo(use.table.idle_w, silo),
        epoch_s=of_silo(use.table.epoch_s, silo),
        access=table.access or Access.FIXED,
        data_gb=data_gb,
    )


def _placed(use: UseCase, study: Study, architecture: Architecture) -> list[Activity]:
    """Activities of a plan under the names of silos, with the links that these have."""
    placed = []
    for activity in plan_study(study, architecture).activities():
        silo = activity.actor
        if activity.role is Role.SERVER and use.table.centre is not None:
            silo = use.table.centre
        access = use.company.silo(silo, use.key).access
        placed.append(replace(activity, actor=silo, access=access))
    return placed
