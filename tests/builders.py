"""Small objects that many tests need."""

from footprint.model import (
    Activity,
    Architecture,
    Basis,
    Journal,
    Machine,
    Phase,
    Role,
    Run,
    Tier,
)

START_S = 1.73e9  # in November 2024, so that factors of 2024 fit exactly
MACHINE = Machine("Test CPU", 4, 1, 16.0, False, "Linux")


def activity(**changes):
    fields = {
        "actor": "client-1",
        "role": Role.CLIENT,
        "device": "desktop",
        "zone": "FR",
        "phase": Phase.TRAIN,
        "round": 1,
        "start_s": START_S,
        "duration_s": 60.0,
        "energy_kwh": 0.001,
        "energy_low_kwh": 0.0005,
        "energy_high_kwh": 0.002,
        "data_gb": 0.0,
        "basis": Basis.MODELLED,
        "tier": Tier.E,
        "source": "cpu-table/test",
        **changes,
    }
    return Activity(**fields)


def moved(gb, **changes):
    """An activity that only moves data."""
    nothing = {"energy_kwh": None, "energy_low_kwh": None, "energy_high_kwh": None}
    return activity(
        **nothing,
        data_gb=gb,
        duration_s=0.0,
        basis=Basis.MEASURED,
        tier=None,
        source="bytes",
        **{"phase": Phase.UPLOAD, **changes},
    )


def journal(*activities, name="run", architecture=Architecture.FEDERATED, unit="one model"):
    return Journal.of(Run(name, architecture, unit), activities)


def small_journal(**run):
    """Two clients in two zones, a server, traffic, and idle power."""
    return journal(
        activity(),
        activity(actor="client-2", zone="DE", energy_kwh=0.003, energy_high_kwh=0.006),
        activity(actor="client-2", zone="DE", phase=Phase.IDLE, duration_s=0.0, round=2),
        activity(
            actor="server",
            role=Role.SERVER,
            zone="DE",
            device="server",
            phase=Phase.AGGREGATE,
            round=None,
        ),
        moved(0.02),
        moved(0.04, actor="client-2", zone="DE", phase=Phase.DOWNLOAD, round=2),
        **run,
    )
