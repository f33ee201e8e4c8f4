"""Deploy the app on this machine: a SuperLink and three SuperNodes in different zones.

Everything listens on loopback only, keeps what it writes in the output folder, asks no
update, posts nothing and installs nothing. At the end, or when it is interrupted, every
process is stopped. The last line printed is the path of the page.

    python examples/flower/deploy.py --output flower-output
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

import footprint as fp
from footprint.integrations.flower.sandbox import environment

APP = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
LOOPBACK = "127.0.0.1"
CLIENT_ZONES = ("FR", "DE", "PL")
SERVER_ZONE = "DE"
DEVICE = "desktop"
START_S = 60.0  # until a process listens; they take a few seconds
STOP_S = 10.0  # until a process that was asked to end is killed


@dataclass(frozen=True)
class Deployment:
    """Where the processes of one deployment run."""

    folder: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        found = environment(self.folder / "flower-home")
        # Flower's processes start others by name.
        return {**found, "PATH": os.pathsep.join([os.fspath(BIN), found.get("PATH", "")])}

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("flower-output"))
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    output = make_empty(arguments.output.absolute())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that `with` blocks end

    deployment = Deployment(output, free_port())
    config = f'[superlink.dep]\naddress = "{deployment.address}"\ninsecure = true\n'
    (output / "flower-home" / "config.toml").write_text(config)
    # The last process that started stops first: SuperNodes before their SuperLink.
    with ExitStack() as processes:
        processes.enter_context(superlink(deployment))
        for partition in range(len(CLIENT_ZONES)):
            processes.enter_context(supernode(deployment, partition))
        run_app(deployment, arguments.rounds)

    journal = fp.read_journal(output / "journal")
    assessment = fp.estimate(fp.build_inventory(journal))
    fp.write_document(assessment, output / "assessment.json")
    command = shlex.join(["python", *sys.argv])
    page = fp.write_report(assessment, output / "assessment.html", command=command)

    from footprint.reporting.terminal import print_result

    print_result(assessment)
    print(page)
    return 0


def make_empty(output: Path) -> Path:
    """Make the output folder; what an earlier deployment left there goes."""
    if output.exists() and not (output / "flower-home").is_dir():
        sys.exit(f"{output} is there already, and no deployment made it. Name another folder.")
    shutil.rmtree(output, ignore_errors=True)
    (output / "flower-home").mkdir(parents=True)
    return output


def superlink(deployment: Deployment) -> AbstractContextManager[None]:
    say(f"SuperLink on {deployment.address}")
    options = ["--insecure", "--host", LOOPBACK, "--port", str(deployment.port)]
    options.append("--disable-runtime-dependency-installation")
    return running(deployment, "superlink", ["flower-superlink", *options], deployment.port)


def supernode(deployment: Deployment, partition: int) -> AbstractContextManager[None]:
    zone, port = CLIENT_ZONES[partition], free_port()
    say(f"SuperNode {partition} in {zone}")
    config = f'partition-id={partition} num-partitions={len(CLIENT_ZONES)} zone="{zone}"'
    options = ["--insecure", "--superlink", deployment.address, "--host", LOOPBACK]
    options += ["--port", str(port), "--node-config", f'{config} device="{DEVICE}"']
    return running(deployment, f"node-{partition}", ["flower-supernode", *options], port)


def run_app(deployment: Deployment, rounds: int) -> None:
    """Run the app to its end, and show what Flower logs."""
    settings = {
        "num-server-rounds": rounds,
        "fraction-train": 1.0,
        "journal": f'"{deployment.folder / "journal"}"',
        "zone": f'"{SERVER_ZONE}"',
    }
    config = " ".join(f"{name}={value}" for name, value in settings.items())
    command = [tool("flwr"), "run", os.fspath(APP), "dep", "--stream", "--run-config", config]
    subprocess.run(  # noqa: S603 - names of ours only
        command, env=deployment.environment, cwd=deployment.folder, check=True
    )


@contextmanager
def running(deployment: Deployment, name: str, command: list[str], port: int) -> Iterator[None]:
    """Let a process run inside of the block, in a folder of its own with its log."""
    folder = deployment.folder / name
    folder.mkdir()
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603
            [tool(command[0]), *command[1:]],
            cwd=folder,
            env=deployment.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_for(process, port, folder / "log.txt")
            yield
        finally:
            stop(process)


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    last_s = time.monotonic() + START_S
    while time.monotonic() < last_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.1)
    sys.exit(f"{process.args[0]} did not start:\n{log.read_text()}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    # Flower's processes detach what they start: no group and no session holds them all.
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    process.terminate()  # lets it end its own
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
    _, left = psutil.wait_procs(started, timeout=STOP_S)
    for child in left:
        child.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def tool(name: str) -> str:
    """Path of a command of Flower in the environment of this Python."""
    found = shutil.which(name, path=os.fspath(BIN)) or shutil.which(name)
    if found is None:
        sys.exit(f"There is no {name}. Install it with: pip install 'footprint[flower,demo]'")
    return found


def say(text: str) -> None:
    print(f"== {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
