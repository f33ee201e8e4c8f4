"""A SuperLink and SuperNodes on loopback, each node through a relay that counts bytes."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from footprint.integrations.flower.sandbox import environment

BIN = Path(sys.executable).parent
LOOPBACK = "127.0.0.1"
START_S = 60.0
STOP_S = 10.0


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Relay:
    """Passes a node's connections on to the SuperLink, and counts what it carries.

    `up` and `down` hold the bytes so far, without the headers of TCP and IP; `sent` is what
    came from the node, connection after connection.
    """

    def __init__(self, target):
        self.target = target
        self._streams = []
        self.up = self.down = 0
        self._lock = threading.Lock()
        self._server = socket.create_server((LOOPBACK, 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return  # closed
            with suppress(OSError):
                far = socket.create_connection((LOOPBACK, self.target))
                for name, ends in (("up", (near, far)), ("down", (far, near))):
                    threading.Thread(target=self._pump, args=(name, *ends), daemon=True).start()

    @property
    def sent(self):
        return b"\n\n".join(map(bytes, self._streams))

    def _pump(self, name, source, sink):
        stream = bytearray()
        if name == "up":
            self._streams.append(stream)
        with suppress(OSError):
            while data := source.recv(1 << 16):
                stream += data
                with self._lock:
                    setattr(self, name, getattr(self, name) + len(data))
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        self._server.close()


@dataclass
class Fleet:
    """A deployment in a folder of its own. Use it as a context manager."""

    folder: Path
    configs: list

    def __enter__(self):
        self.home = self.folder / "flower-home"
        self.home.mkdir(parents=True)
        self.port = free_port()
        (self.home / "config.toml").write_text(
            f'[superlink.dep]\naddress = "{LOOPBACK}:{self.port}"\ninsecure = true\n'
        )
        self.environment = environment(self.home)
        self.environment["PATH"] = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
        self.environment["PYTHONPATH"] = os.pathsep.join(
            [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
        )
        # The last one that started stops first: nodes before their SuperLink.
        self.stack = ExitStack()
        with ExitStack() as stack:
            options = ["--host", LOOPBACK, "--port", str(self.port)]
            options.append("--disable-runtime-dependency-installation")
            link = stack.enter_context(self._running("superlink", "flower-superlink", options))
            wait_for(link, self.port, self.folder / "superlink" / "log.txt")
            self.relays, self.nodes, places = [], [], []
            for number, config in enumerate(self.configs):
                relay = Relay(self.port)
                stack.callback(relay.close)
                self.relays.append(relay)
                port = free_port()
                options = ["--superlink", f"{LOOPBACK}:{relay.port}", "--host", LOOPBACK]
                options += ["--port", str(port), "--node-config", config]
                name = f"node-{number}"
                node = stack.enter_context(self._running(name, "flower-supernode", options))
                self.nodes.append(node)
                places.append((port, self.folder / name / "log.txt"))
            for node, place in zip(self.nodes, places, strict=True):
                wait_for(node, *place)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        stop(*self.nodes)
        self.stack.close()

    @contextmanager
    def _running(self, name, command, options):
        folder = self.folder / name
        folder.mkdir()
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [tool(command), "--insecure", *options],
                cwd=folder,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                yield process
            finally:
                stop(process)

    def run(self, app, timeout_s, **settings):
        """Run an app to its end; what Flower logged."""
        config = " ".join(f"{name}={value}" for name, value in settings.items())
        done = subprocess.run(
            [tool("flwr"), "run", str(app), "dep", "--stream", "--run-config", config],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def logs(self):
        return "\n".join(
            f"== {path.parent.name}\n{path.read_text()[-4000:]}"
            for path in sorted(self.folder.glob("*/log.txt"))
        )


def wait_for(process, port, log):
    last_s = time.monotonic() + START_S
    while time.monotonic() < last_s and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"{process.args[0]} did not start:\n{log.read_text()}")


def stop(*processes):
    """End processes and all that they started, also what they detached."""
    started = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            started += psutil.Process(process.pid).children(recursive=True)
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
    _, left = psutil.wait_procs(started, timeout=STOP_S)
    for child in left:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    for process in processes:
        process.wait()


def tool(name):
    found = shutil.which(name, path=str(BIN)) or shutil.which(name)
    assert found, f"{name} is not installed"
    return found


def write_app(folder, module, name="app_under_test"):
    """A Flower app of one module with `server_app` and `client_app`."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    (folder / name / "app.py").write_text(module)
    (folder / "pyproject.toml").write_text(
        f"""
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name.replace("_", "-")}"
version = "1.0.0"
license = "Apache-2.0"
dependencies = []

[tool.hatch.build.targets.wheel]
packages = ["."]

[tool.flwr.app]
publisher = "footprint"

[tool.flwr.app.components]
serverapp = "{name}.app:server_app"
clientapp = "{name}.app:client_app"

[tool.flwr.app.config]
journal = ""
rounds = 1
size = 1000
"""
    )
    return folder
