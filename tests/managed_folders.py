"""A company as files: manifests, and silos of bookings below them."""

from tests.management_silos import make_company

DEPLOYMENT = """
name = "Travel"

[organisation]
name = "Travel"
approach = "operational control"

[period]
start = 2026-01-01
end = 2026-12-31

[[sites]]
name = "Office"
zone = "FR"
pue = 1.4

[[runs]]
name = "fares"
activities = [{ silo = "lisbon", energy = "3 kWh", tier = "A", meter = "rack" }]

"""
MEDIUM = 'storage-class = "ssd"\n'
NEEDS = 'horizon = "12 month"\nmedia = { ssd = "storage.ssd" }\n'


def make_folders(folder, names=("lisbon", "madrid", "nice"), needs=NEEDS):
    """Write a company of silos with 4,000 bookings each."""
    company = make_company(folder / "silos", names)
    for silo in company.folders.values():
        change(silo / "silo.toml", "labels", f"{MEDIUM}labels")
    silos = "".join(f'[[silos]]\nname = "{one}"\nplace = "Office"\n' for one in names)
    (folder / "deployment.toml").write_text(DEPLOYMENT + silos)
    silos = "".join(f'[[silos]]\nname = "{one}"\nfolder = "silos/{one}"\n' for one in names)
    (folder / "management.toml").write_text(needs + silos)
    return company


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
