"""Imports point down: docs/decisions and the table below hold the layers."""

import ast
import sys
from pathlib import Path

import footprint

PACKAGE = Path(footprint.__file__).parent

# Layer of each room; a room may import rooms of lower layers, and itself.
LAYERS = {
    "errors": 0,
    "_resources": 0,
    "_lazy": 0,
    "_version": 0,
    "addresses": 1,
    "units": 1,
    "model": 2,
    "factors": 3,
    "journal": 3,
    "consistency": 3,
    "documents": 3,
    "manifest": 3,
    "tables": 3,
    "measurement": 3,
    "factors.providers": 5,
    "factors.series_files": 5,
    "intensity_means": 4,
    "lifecycle": 4,
    "inventory": 4,
    "simulation": 4,
    "uncertainty": 4,
    "ledger": 4,
    "measurement.power": 4,
    "measurement.notices": 4,
    "measurement.nesting": 4,
    "measurement.names": 4,
    "measurement.recorder": 4,
    "measurement.host": 4,
    "measurement.pulse": 4,
    "measurement.contacts": 4,
    "measurement.replies": 4,
    "measurement.reports": 4,
    "measurement.runs": 4,
    "measurement.tally": 4,
    "measurement.gpus": 4,
    "measurement.others": 4,
    "measurement.span": 4,
    "measurement.supply": 4,
    "measurement.timeline": 4,
    "measurement.usage": 4,
    "measurement.sources": 4,
    "measurement.wall": 4,
    "measurement.wall_csv": 4,
    "measurement.calibration": 4,
    "measurement.fit": 4,
    "measurement.accounts": 4,
    "measurement.attribution": 4,
    "measurement.tracker": 4,
    "measurement.command": 4,
    "measurement.decorator": 4,
    "register": 5,
    "settings": 5,
    "assessment": 5,
    "contributions": 5,
    "costs": 5,
    "drafts": 5,
    "networks": 5,
    "scenarios": 6,
    "breakevens": 6,
    "sensitivity": 6,
    "pareto": 6,
    "sweep": 6,
    "audit": 6,
    "learning": 5,
    "learning.rounds": 7,
    "learning.method_rounds": 7,
    "scheduling": 5,
    "simulation.learners": 6,
    "simulation.results": 6,
    "simulation.journals": 6,
    "simulation.outcomes": 6,
    "simulation.probing": 6,
    "simulation.views": 6,
    "simulation.spending": 6,
    "simulation.accounts": 6,
    "simulation.methods": 6,
    "simulation.engine": 6,
    "scheduling.evaluation": 6,
    "scheduling.signals": 6,
    "management": 8,
    "trials": 8,
    "studies": 8,
    "comparison": 6,
    "live": 6,
    "papercases": 7,
    "reporting": 7,
    "integrations": 7,
    "cli": 9,
    "__main__": 10,
}

# Rooms of one layer that build on each other, in this order.
SAME_LAYER = {
    ("assessment", "contributions"),
    ("assessment", "costs"),
    ("assessment", "settings"),
    ("contributions", "settings"),
    ("costs", "settings"),
    ("networks", "settings"),
    ("assessment", "drafts"),
    ("costs", "contributions"),
    ("costs", "drafts"),
    ("costs", "register"),
    ("assessment", "networks"),
    ("contributions", "drafts"),
    ("contributions", "networks"),
    ("networks", "drafts"),
    ("networks", "register"),
    ("simulation", "lifecycle"),
    ("breakevens", "scenarios"),
    ("sensitivity", "breakevens"),
    ("sensitivity", "comparison"),
    ("sensitivity", "scenarios"),
    ("audit", "sensitivity"),
    ("pareto", "scenarios"),
    ("pareto", "sweep"),
    ("sweep", "scenarios"),
    ("assessment", "register"),
    ("contributions", "register"),
    ("documents", "consistency"),
    ("manifest", "tables"),
    ("ledger", "inventory"),
    ("ledger", "measurement.attribution"),
    ("_lazy", "errors"),
    ("_resources", "errors"),
    ("scheduling.evaluation", "simulation.results"),
    ("scheduling.signals", "simulation.results"),
}

# Third-party packages, and the only rooms that may import them.
THIRD_PARTY = {
    "alembic": {"ledger"},
    "codecarbon": {"measurement"},
    "datasketches": {"management"},
    "entsoe": {"factors"},
    "flwr": {"integrations", "management"},
    "highspy": {"scheduling"},
    "httpx": {"factors"},
    "jinja2": {"reporting"},
    "lightning": {"integrations"},
    "pytorch_lightning": {"integrations"},
    "transformers": {"integrations"},
    "markupsafe": {"reporting"},
    "numpy": {
        "audit",
        "factors",
        "integrations",
        "intensity_means",
        "inventory",
        "ledger",
        "lifecycle",
        "uncertainty",
        "comparison",
        "breakevens",
        "sensitivity",
        "pareto",
        "sweep",
        "learning",
        "management",
        "measurement",
        "scheduling",
        "simulation",
        "studies",
        "trials",
    },
    "pandas": {"audit", "factors", "inventory", "simulation"},
    "pint": {"units"},
    "plotly": {"reporting"},
    "psutil": {"measurement"},
    "pvlib": {"simulation"},
    "pyarrow": {"ledger", "management"},
    "pydantic": {
        "audit",
        "documents",
        "factors",
        "ledger",
        "management",
        "manifest",
        "papercases",
        "scheduling",
        "studies",
        "trials",
    },
    "pydantic_core": {"audit", "model"},
    "ray": {"trials"},
    "scipy": {"lifecycle"},
    "sklearn": {"learning"},
    "rich": {"cli", "reporting"},
    "sqlalchemy": {"ledger"},
    "torch": {"learning", "studies"},
    "typer": {"cli"},
    "yaml": {"audit"},
}

FORBIDDEN = {"click", "plotly.express", "requests", "urllib.request", "socket"}


def modules():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 30, "the package was not found"
    return files


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room(module):
    """The longest known room that the module lies in."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in LAYERS:
            return ".".join(parts[:length])
    raise AssertionError(f"footprint.{module} has no layer: enter it in LAYERS")


def imports(path):
    """Every imported module, with whether only type checkers see it."""
    tree = ast.parse(path.read_text())
    typing_only = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for statement in block.body  # not its `else`, which does run
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            # `from footprint import cli` imports footprint.cli.
            names = [node.module]
            if node.module == "footprint":
                names = [f"footprint.{alias.name}" for alias in node.names]
            for name in names:
                yield name, node in typing_only


def test_imports_point_down():
    wrong = []
    for path in modules():
        module = name_of(path)
        if not module:
            continue  # the package itself hands out names of every room, lazily
        own = room(module)
        for target, _ in imports(path):
            if not target.startswith("footprint."):
                continue
            other = room(target.removeprefix("footprint."))
            same_package = own.split(".")[0] == other.split(".")[0]
            down = LAYERS[other] < LAYERS[own]
            beside = same_package and LAYERS[other] == LAYERS[own]
            if not (down or beside or (own, other) in SAME_LAYER):
                wrong.append(f"{module} (layer {LAYERS[own]}) imports {target}")
    assert wrong == []


def test_third_party_packages_stay_in_their_rooms():
    wrong = []
    for path in modules():
        module = name_of(path)
        for target, typing_only in imports(path):
            top = target.split(".")[0]
            assert target not in FORBIDDEN, f"{module} imports {target}"
            assert top not in FORBIDDEN, f"{module} imports {target}"
            if typing_only or top == "footprint" or top in sys.stdlib_module_names:
                continue
            if module.split(".")[0] not in THIRD_PARTY.get(top, set()):
                wrong.append(f"{module} imports {target}")
    assert wrong == []


def test_every_room_exists():
    names = {name_of(path) for path in modules()}
    assert set(LAYERS) <= names
