"""A planned training as activities, by sums over its rounds and clients.

Nothing is drawn: where clients are chosen at random, the expected number of their
sessions counts. One activity stands for all sessions of a group of clients, so ten
thousand clients cost no more than ten.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from footprint.measurement.meter import TIER_BANDS
from footprint.model import (
    Access,
    Activity,
    Architecture,
    Basis,
    BoundaryRule,
    Centre,
    ClientGroup,
    Coordinator,
    Finding,
    InputFile,
    Journal,
    LifeCycle,
    Phase,
    Role,
    Run,
    Site,
    Study,
)
from footprint.simulation.rounds import (
    expected_slowest,
    round_sessions,
    transfer_duration,
    update_volume,
)
from footprint.units import S_PER_H, watt_seconds_to_kwh

_INFERENCE = "declared/inference"
SERVER, CENTRE = "server", "centre"
"""Actors of the coordinator of a federation, and of the data centre that trains instead."""


def plan_federated(study: Study) -> Journal:
    """Say what a federated training would do.

    Parameters
    ----------
    study : Study

    Returns
    -------
    Journal
        Declared activities, summed over rounds and clients: training, transfers of the
        model, waiting for the slowest, aggregation; deployment and inference if the
        study has any.

    Notes
    -----
    A client that drops out has downloaded the model and done `Training.dropout_work` of
    its training; it uploads nothing and waits for nobody. The others wait for the slowest
    client of their round.
    """
    activities: list[Activity] = []
    for life_cycle, runs in _runs(study):
        activities += _federated_run(study, life_cycle, runs)
    sites: list[tuple[str, Site, int]] = [(g.name, g, g.count) for g in study.clients]
    if study.server is not None:
        sites.append((SERVER, study.server, 1))
    activities += _served(study, at_clients=True)
    return _journal(study, Architecture.FEDERATED, activities, sites)


def plan_centralised(study: Study, centre: Centre) -> Journal:
    """Say what training in a data centre would do instead.

    Parameters
    ----------
    study : Study
    centre : Centre

    Returns
    -------
    Journal
        Declared activities: transfer and storage of the copied data, training,
        deployment and inference.
    """
    activities = [*_copied(study, centre)]
    for life_cycle, runs in _runs(study):
        duration_s = runs * centre.training_s
        activities.append(
            _run(study, CENTRE, centre, Phase.TRAIN, duration_s, centre.power_w, life_cycle)
        )
    activities += _served(study, at_clients=study.deployment.at_clients, centre=centre)
    sites: list[tuple[str, Site, int]] = [(CENTRE, centre, 1)]
    return _journal(study, Architecture.CENTRALISED, activities, sites)


def _runs(study: Study) -> Iterator[tuple[LifeCycle, int]]:
    """Count the trainings before the final one, that one, and those after it."""
    if study.training.runs > 1:
        yield LifeCycle.EXPERIMENT, study.training.runs - 1
    yield LifeCycle.TRAIN, 1
    if study.training.retrainings:
        yield LifeCycle.RETRAIN, study.training.retrainings


def _federated_run(study: Study, life_cycle: LifeCycle, runs: int) -> Iterator[Activity]:
    training, rounds = study.training, runs * study.training.rounds
    sessions = round_sessions(study)
    round_s = expected_slowest(sessions)
    for one in sessions:
        group, begun, ended = one.group, rounds * one.chosen, rounds * one.finished
        worked = ended + (begun - ended) * training.dropout_work
        trained_s = worked * one.training_s
        yield _run(study, group.name, group, Phase.TRAIN, trained_s, group.power_w, life_cycle)
        for phase, sent, data_gb, transfer_s in (
            (Phase.DOWNLOAD, begun, training.model_gb, one.down_s),
            (Phase.UPLOAD, ended, update_volume(study), one.up_s),
        ):
            yield from _transfer(study, group, phase, sent * data_gb, sent * transfer_s, life_cycle)
        waited_s = ended * (expected_slowest(sessions, one) - one.total_s)
        if training.waiting and waited_s > 0:
            yield _run(study, group.name, group, Phase.WAIT, waited_s, group.idle_w, life_cycle)
    if study.server is not None:
        yield from _coordinate(study, study.server, rounds, round_s, life_cycle)


def _coordinate(
    study: Study, server: Coordinator, rounds: int, round_s: float, life_cycle: LifeCycle
) -> Iterator[Activity]:
    aggregated_s = rounds * (server.aggregation_s or 0.0)
    yield _run(study, SERVER, server, Phase.AGGREGATE, aggregated_s, server.power_w, life_cycle)
    waited_s = rounds * round_s
    yield _run(study, SERVER, server, Phase.IDLE, waited_s, server.idle_w, life_cycle)


def _copied(study: Study, centre: Centre) -> Iterator[Activity]:
    """Copy the raw data to the centre, and keep it there."""
    kept, copied_gb = study.storage, 0.0
    for group in study.clients:
        once_gb = centre.copied_share * group.data_gb * group.count
        copied_gb += once_gb
        # The centre stands at one client of its home group; the others still send theirs.
        senders = group.count - (group.name == centre.home)
        moved_gb = once_gb * kept.refreshes * senders / group.count
        if moved_gb:
            moved_s = transfer_duration(moved_gb, group.up_mbps)
            yield from _transfer(
                study, group, Phase.DATA_TRANSFER, moved_gb, moved_s, LifeCycle.TRANSFER
            )
    if copied_gb and kept.horizon_s:
        # Each refresh adds its data; on average over the horizon (n + 1) / 2 of n are there.
        mean_gb = copied_gb * (kept.refreshes + 1) / 2
        stored_gb_h = mean_gb * kept.horizon_s / S_PER_H
        yield _activity(
            study, CENTRE, centre, Phase.STORAGE, LifeCycle.STORE, stored_gb_h=stored_gb_h
        )


def _served(study: Study, *, at_clients: bool, centre: Centre | None = None) -> Iterator[Activity]:
    """Bring the model to where it serves, and let it serve."""
    serving = study.deployment
    if not serving.inferences:
        return
    clients = sum(group.count for group in study.clients)
    for group in study.clients:
        share = group.count / clients
        if at_clients:
            data_gb = study.training.model_gb * group.count
            moved_s = transfer_duration(data_gb, group.down_mbps)
            yield from _transfer(study, group, Phase.DOWNLOAD, data_gb, moved_s, LifeCycle.DEPLOY)
            yield _activity(
                study,
                group.name,
                group,
                Phase.INFERENCE,
                LifeCycle.INFER,
                energy_kwh=share * serving.inferences * (serving.energy_kwh or 0.0),
                source=_INFERENCE,
            )
        elif serving.query_gb:
            data_gb = share * serving.inferences * serving.query_gb
            moved_s = transfer_duration(data_gb, group.down_mbps)
            yield from _transfer(study, group, Phase.DOWNLOAD, data_gb, moved_s, LifeCycle.INFER)
    if not at_clients and centre is not None:
        energy_kwh = serving.inferences * (serving.energy_kwh or 0.0)
        yield _activity(
            study,
            CENTRE,
            centre,
            Phase.INFERENCE,
            LifeCycle.INFER,
            energy_kwh=energy_kwh,
            source=_INFERENCE,
        )


def _transfer(
    study: Study,
    group: ClientGroup,
    phase: Phase,
    data_gb: float,
    transfer_s: float,
    life_cycle: LifeCycle,
) -> Iterator[Activity]:
    """Move data over the link of a group, while its client waits."""
    yield _activity(
        study, group.name, group, phase, life_cycle, data_gb=data_gb, transfer_s=transfer_s
    )
    if transfer_s:
        yield _run(study, group.name, group, phase, transfer_s, group.idle_w, life_cycle)


def _run(
    study: Study,
    actor: str,
    site: Site,
    phase: Phase,
    duration_s: float,
    power_w: float | None,
    life_cycle: LifeCycle,
) -> Activity:
    """Something that runs for a time, at a power."""
    energy_kwh = None if power_w is None else watt_seconds_to_kwh(power_w, duration_s)
    return _activity(
        study, actor, site, phase, life_cycle, energy_kwh=energy_kwh, duration_s=duration_s
    )


def _activity(
    study: Study,
    actor: str,
    site: Site,
    phase: Phase,
    life_cycle: LifeCycle,
    *,
    energy_kwh: float | None = None,
    source: str = "",
    **amounts: float,
) -> Activity:
    """Declare something at a site; its energy has the bounds of the quality of its power."""
    low, high = TIER_BANDS[site.power_tier]
    known = energy_kwh is not None
    return Activity(
        actor=actor,
        role=Role.CLIENT if isinstance(site, ClientGroup) else Role.SERVER,
        device=site.device,
        zone=site.zone,
        phase=phase,
        round=None,
        start_s=datetime(study.year, 1, 1, tzinfo=UTC).timestamp(),
        energy_kwh=energy_kwh,
        energy_low_kwh=None if energy_kwh is None else low * energy_kwh,
        energy_high_kwh=None if energy_kwh is None else high * energy_kwh,
        basis=Basis.DECLARED,
        tier=site.power_tier if known else None,
        source=source or _source_of(actor, site),
        resource_share=site.resource_share,
        life_cycle=life_cycle,
        access=site.access if isinstance(site, ClientGroup) else Access.DATACENTRE,
        instance=site.instance,
        **{"duration_s": 0.0, "data_gb": 0.0, **amounts},
    )


def _source_of(actor: str, site: Site) -> str:
    """Name what the error of a power belongs to: like hardware, declared alike, errs alike."""
    if site.power_w is None:
        return f"declared/{actor}"
    return f"declared/{site.device or actor}/{site.power_w:g}W/{site.power_tier}"


def _reserved(
    study: Study, activities: list[Activity], sites: list[tuple[str, Site, int]]
) -> list[Activity]:
    """Let what was bought for this purpose alone be reserved for the whole horizon."""
    dedicated = {name: (site, count) for name, site, count in sites if site.dedicated}
    worked_s: dict[str, float] = defaultdict(float)
    kept = []
    for activity in activities:
        if activity.actor in dedicated:
            worked_s[activity.actor] += activity.duration_s
            activity = replace(activity, duration_s=0.0)
        kept.append(activity)
    for name, (site, count) in dedicated.items():
        reserved_s = count * study.storage.horizon_s
        # What is reserved and does not work idles: it is on, for this purpose alone.
        idle_s = max(0.0, reserved_s - worked_s[name])
        idle_kwh = None if site.idle_w is None else watt_seconds_to_kwh(site.idle_w, idle_s)
        kept.append(
            _activity(
                study,
                name,
                site,
                Phase.IDLE,
                LifeCycle.TRAIN,
                energy_kwh=idle_kwh,
                duration_s=reserved_s,
            )
        )
    return kept


def _hosts(
    activities: Sequence[Activity], sites: Sequence[tuple[str, Site, int]]
) -> Iterator[Activity]:
    """Reserve the servers around accelerator cards for as long as the cards."""
    hosted = {name: site for name, site, _ in sites if site.host is not None}
    for activity in activities:
        site = hosted.get(activity.actor)
        if site is not None and activity.duration_s:
            yield replace(
                activity,
                device=site.host,
                resource_share=site.host_share,
                # Its energy is in that of the site, and so is the bill.
                energy_kwh=0.0,
                energy_low_kwh=0.0,
                energy_high_kwh=0.0,
                tier=site.power_tier,
                source=_source_of(activity.actor, site),
                data_gb=0.0,
                transfer_s=0.0,
                instance=None,
            )


def _work(study: Study, architecture: Architecture) -> Iterator[Activity]:
    """Work of stages that nothing else describes."""
    for work in study.work:
        if work.architecture in (None, architecture):
            # Its energy holds the overhead of where it is done.
            site = Site(zone=work.zone, power_tier=work.tier)
            yield replace(
                _activity(
                    study,
                    work.name,
                    site,
                    Phase.OTHER,
                    work.stage,
                    energy_kwh=work.energy_kwh,
                    source=f"declared/{work.name}",
                ),
                role=Role.OTHER,
            )


def _journal(
    study: Study,
    architecture: Architecture,
    activities: list[Activity],
    sites: list[tuple[str, Site, int]],
) -> Journal:
    activities = _reserved(study, activities, sites)
    activities += [*_hosts(activities, sites), *_work(study, architecture)]
    federated = architecture is Architecture.FEDERATED
    run = Run(study.name, architecture, study.functional_unit)
    finished = sum(one.finished for one in round_sessions(study))
    findings: list[Finding] = []
    if federated and study.server is None and study.boundary is not BoundaryRule.QIU:
        findings.append(_no_server())
    if federated and finished < study.training.clients_per_round * (1 - 1e-9):
        findings.append(_too_few(study, finished))
    named = (InputFile(Path(study.origin).name, study.digest),) if study.digest else ()
    return Journal.of(
        run,
        activities,
        findings=tuple(findings),
        inputs=named,
        rounds=study.training.rounds if federated else 0,
        clients=sum(group.count for group in study.clients) if federated else 0,
    )


def _no_server() -> Finding:
    return Finding(
        "server-missing",
        "The plan has no server: what aggregates and waits is not counted.",
        remedy="Add a [server] table.",
    )


def _too_few(study: Study, finished: float) -> Finding:
    return Finding(
        "updates-missing",
        f"{study.training.clients_per_round:g} updates are wanted in each round; "
        f"{finished:.3g} clients finish on average.",
        remedy="Choose more than are wanted: training.over_selection.",
    )
