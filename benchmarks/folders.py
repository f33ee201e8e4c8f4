"""Where data are that are not part of this repository."""

import os
from pathlib import Path


def data_folder(given):
    """The folder that was named, or that of FOOTPRINT_DATA; None without `carbon_intensity/`."""
    named = given or os.environ.get("FOOTPRINT_DATA")
    folder = Path(named) if named else None
    return folder if folder and (folder / "carbon_intensity").is_dir() else None
