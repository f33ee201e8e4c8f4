"""Chromium for tests that look at drawn pages."""

import os
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    # Nothing listens there: whatever a page asks of the network fails.
    "--proxy-server=127.0.0.1:9",
    "--virtual-time-budget=10000",
)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Return a function that opens a page and returns what Chromium printed."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing = f"none of {', '.join(NAMES)} is installed: that charts draw, in light, dark and "
        missing += "print, and that hostile names stay text in a browser, was NOT TESTED"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)

    def run(page, *options, dark=False):
        profile = tmp_path_factory.mktemp("profile")
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        command = [program, *FLAGS, f"--user-data-dir={profile}", scheme, *options, page.as_uri()]
        done = subprocess.run(command, capture_output=True, timeout=120, check=True)
        return done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")

    return run
