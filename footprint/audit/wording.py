"""What every statement says in words: choices, what it is not, what no line holds."""

from __future__ import annotations

CHOICES: tuple[tuple[str, str], ...] = (
    (
        "Electricity of own sites",
        "Scope 2, by location and by contracts side by side; neither is derived from the other.",
    ),
    (
        "Clouds",
        "Category 3.1, purchased services, with the share of the making of the hardware; "
        "dedicated hosts and rented rooms are category 3.8.",
    ),
    (
        "Hardware that was bought",
        "Category 3.2 holds the making of what is reserved of it in the year of purchase, all at "
        "once. The amortised column "
        "spreads it over its life, for the functional unit; the two are never added.",
    ),
    (
        "Networks",
        "Category 3.1, a telecommunication service, by one named model for all traffic.",
    ),
    (
        "Upstream fuel and losses",
        "Category 3.3, where a share or a factor was declared; of what is lost with the fuel "
        "behind it. A life-cycle grid factor holds "
        "the making of the fuel already: it stands in scope 2 then.",
    ),
    (
        "Participants",
        "Category 3.11 or 3.13, as declared: the electricity of their devices. The making of "
        "those is in the amortised column alone.",
    ),
    (
        "Partners of the federation",
        "Their own scopes 1 and 2; the coordinator's share, by the stated allocation, is "
        "category 3.1, and the rest is listed outside.",
    ),
    (
        "Contracts",
        "Matched by year, market and vintage; generators first, then in the order of the "
        "manifest. What no contract covers takes the residual mix, or the location-based "
        "factor where no mix was declared.",
    ),
    (
        "Software Carbon Intensity",
        "All runs of the period, whoever pays for them, by location: no contract is in it.",
    ),
    ("Gases", "CO2e as the factors give it; gases are not split, biogenic carbon is not apart."),
)

NOT_CLAIMED: tuple[str, ...] = (
    "No claim of neutrality or compensation: offsets are in no figure.",
    "No avoided emissions: what the models make others save is not in it.",
    "No comparison with other companies, products or ways of training.",
    "No verified statement, unless an assurance is named.",
    "Contracts change the market-based figures alone; they remove nothing from the others.",
)

EXCLUDED: dict[str, tuple[str, str]] = {
    "waiting": ("waiting for other participants", "no run recorded it as a phase"),
    "supply_losses": (
        "power supply losses, fans and boards that a meter does not see",
        "wall meters alone hold them",
    ),
    "end_user_overhead": (
        "cooling and displays of participants' devices",
        "they belong to the user's own activity",
    ),
    "network_equipment": (
        "making network equipment, and energy beyond the named intensity",
        "no factor by volume is known",
    ),
    "organisation": ("staff, buildings and travel", "outside of the software boundary"),
    "repetition": ("runs that the manifest does not name", "nobody declared them"),
}
"""What an estimate never holds, by the codes of its boundary, and why."""
