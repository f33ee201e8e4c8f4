"""The wheel carries its data and works where nothing of the repository is."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_the_data_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "footprint/_data/emission_factors/grid/country.csv" in names
    assert "footprint/_data/templates/report.html" in names
    assert "footprint/_data/examples/papers/malmodin_2020.toml" in names
    assert "footprint/_data/examples/flower/digits_app/client_app.py" in names
    assert "footprint/units.txt" in names
    assert "footprint/py.typed" in names
    assert {name.split("/")[0] for name in names} == {
        "footprint",
        next(name.split("/")[0] for name in names if ".dist-info" in name),
    }


def test_it_works_when_installed_alone(wheel, tmp_path):
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    (site,) = (environment / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    # Its dependencies come from here; a path file does not follow the one that
    # the editable install of this repository has put there.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])

    def footprint(*arguments):
        return subprocess.run(
            [python, "-m", "footprint", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    where = "import footprint; print(footprint.__file__)"
    found = subprocess.run([python, "-c", where], cwd=tmp_path, capture_output=True, text=True)
    assert Path(found.stdout.strip()).is_relative_to(environment)
    assert "342.06" in footprint("factors", "list", "--zone", "DE", "--json")
    assert "malmodin-2020" in footprint("papers")
    footprint("track", "--journal=j", "--zone=DE", "--device=laptop", "--", "true")
    footprint("estimate", "j", "-o", "page.html")
    assert (tmp_path / "page.html").stat().st_size > 1e6
