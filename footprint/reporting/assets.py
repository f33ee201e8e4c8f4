"""The plotting library: inside the page, beside it, from the network, or your own."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from footprint.documents import write_text
from footprint.errors import DataError, UsageError

INLINE, DIRECTORY, CDN = "inline", "directory", "cdn"
MODES = (INLINE, DIRECTORY, CDN)
BUNDLE_NAME = "plotly.min.js"

# How every build of plotly.js registers a trace type, in whichever quotes.
_TRACE = re.compile(r"""moduleType:\s*["'`]trace["'`],\s*name:\s*["'`](\w+)["'`]""")


@dataclass(frozen=True, slots=True)
class Library:
    """How a page comes by plotly.js: `text` inside it, or `src` to load.

    Attributes
    ----------
    integrity : str
        Digest that the browser checks; only for a library from the network.
    policy : str
        What the page's content security policy must allow.
    """

    text: str
    src: str
    integrity: str
    policy: str


def choose_library(assets: str, types: set[str]) -> Library:
    """Find the plotting library.

    Parameters
    ----------
    assets : str
        ``"inline"``, ``"directory"``, ``"cdn"``, or the path of a plotly.js bundle.
    types : set of str
        Trace types that the page draws.

    Raises
    ------
    UsageError
        If `assets` is neither a mode nor a file.
    DataError
        If the bundle cannot draw a type: plotly would leave the chart blank.
    """
    from plotly.offline import get_plotlyjs, get_plotlyjs_version

    if assets == DIRECTORY:
        return Library("", BUNDLE_NAME, "", "'self' file:")
    if assets == CDN:
        address = f"https://cdn.plot.ly/plotly-{get_plotlyjs_version()}.min.js"
        return Library("", address, script_digest(get_plotlyjs()), "https://cdn.plot.ly")
    text = get_plotlyjs() if assets == INLINE else _read_bundle(Path(assets), types)
    return library_inside(_script_safe(text))


def library_inside(text: str) -> Library:
    """Give a library as it stands inside of a page."""
    return Library(text, "", "", f"'{script_digest(text)}'")


def write_bundle(folder: Path) -> Path:
    """Write the plotting library into a folder, unless it is there already."""
    from plotly.offline import get_plotlyjs

    path, text = folder / BUNDLE_NAME, get_plotlyjs()
    if path.is_file() and path.read_bytes() == text.encode("utf-8"):
        return path
    return write_text(path, text)


def script_digest(text: str) -> str:
    """Digest of a script as browsers check it."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


def _script_safe(text: str) -> str:
    """Keep a library from ending its own script block; means the same to JavaScript."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
    return text.replace("<!--", "<\\!--")


def _read_bundle(path: Path, types: set[str]) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{str(path)!r} is neither a way to bring the plotting library nor a bundle of it"
            f" that can be read ({type(error).__name__}).",
            f"Use one of {', '.join(MODES)}, or the path of a plotly.js bundle.",
        ) from error
    missing = sorted(types.difference(_TRACE.findall(text)))
    if missing:
        raise DataError(
            f"The bundle {path.name!r} cannot draw {', '.join(missing)}:"
            " those charts would stay blank.",
            "Use a plotly.js bundle with these trace types, or the assets 'inline'.",
        )
    return text
