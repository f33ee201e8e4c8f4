"""A simulated powercap tree: one package and its DRAM, at a constant power.

    python counter.py FOLDER PACKAGE_W DRAM_W

Says "ready" once the files are there, and ends with its standard input.
"""

import os
import select
import sys
import time
from pathlib import Path

RANGE_UJ = 262_143_328_850
STEP_S = 0.005


def make_zone(folder, name):
    folder.mkdir(parents=True)
    (folder / "name").write_text(f"{name}\n")
    (folder / "max_energy_range_uj").write_text(f"{RANGE_UJ}\n")
    return os.open(folder / "energy_uj", os.O_CREAT | os.O_WRONLY)


def main():
    folder, package_w, dram_w = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    package = folder / "intel-rapl" / "intel-rapl:0"
    zones = [
        (make_zone(package, "package-0"), package_w),
        (make_zone(package / "intel-rapl:0:0", "dram"), dram_w),
    ]
    # /sys/class/powercap shows the zones side by side as well as nested.
    (folder / "intel-rapl:0").symlink_to(package)
    (folder / "intel-rapl:0:0").symlink_to(package / "intel-rapl:0:0")
    begin = time.perf_counter()
    said = False
    while not select.select([sys.stdin], [], [], STEP_S)[0]:
        spent = time.perf_counter() - begin
        for file, power_w in zones:
            # always the same length, written in place: a reader never sees half of it
            os.pwrite(file, b"%020d\n" % int(power_w * spent * 1e6), 0)
        if not said:
            print("ready", flush=True)
            said = True


if __name__ == "__main__":
    main()
