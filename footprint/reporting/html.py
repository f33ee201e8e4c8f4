"""Write a result as one HTML page."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footprint._resources import templates
from footprint.documents import Result, to_json, write_text
from footprint.model import AdvicePlan, Evaluation, MethodStudy, Statement
from footprint.reporting import charts
from footprint.reporting.advice import view_plan
from footprint.reporting.assets import (
    DIRECTORY,
    INLINE,
    MODES,
    Library,
    choose_library,
    library_inside,
    script_digest,
    write_bundle,
)
from footprint.reporting.drawing import style_of
from footprint.reporting.embedding import DOCUMENT_ID, digest, escape_json
from footprint.reporting.evaluations import view_evaluation
from footprint.reporting.numbers import clean
from footprint.reporting.shapes import AdvicePage, EvaluationPage, Page, StatementPage
from footprint.reporting.statements import view_statement
from footprint.reporting.studies import view_study
from footprint.reporting.view import view

if TYPE_CHECKING:
    from jinja2 import Environment


_COMMAND = re.compile(r'<p class="label">Command</p>\s*<pre><code>(.*?)</code></pre>', re.DOTALL)

_LIBRARY = re.compile(r"</style>\s*<script>(.*?)</script>\s*</head>", re.DOTALL)


def render_report(
    result: Result,
    *,
    assets: str = INLINE,
    command: str = "",
) -> str:
    """Render a result as HTML, with the result itself embedded as JSON.

    The page is a pure function of its arguments: the same result gives the same
    page, byte for byte.

    Parameters
    ----------
    result : Assessment, Comparison, Ranking, Evaluation, MethodStudy, Statement or AdvicePlan
    assets : str
        Where plotly.js comes from: ``"inline"`` (inside the page), ``"directory"``
        (``plotly.min.js`` beside the page), ``"cdn"`` (from the network), or the
        path of another plotly.js bundle, which is put inside the page.
    command : str, optional
        Command line that made the result.

    Returns
    -------
    str
        The page.

    Raises
    ------
    UsageError
        If `assets` is neither a mode nor a file.
    DataError
        If a bundle lacks a trace type that the page draws.
    """
    return _render(result, partial(choose_library, assets), command)


def _render(result: Result, choose: Callable[[set[str]], Library], command: str) -> str:
    page: Page | EvaluationPage | StatementPage | AdvicePage
    if isinstance(result, Evaluation):
        page, name = view_evaluation(result), "evaluation.html"
    elif isinstance(result, MethodStudy):
        page, name = view_study(result), "evaluation.html"
    elif isinstance(result, Statement):
        page, name = view_statement(result), "audit.html"
    elif isinstance(result, AdvicePlan):
        page, name = view_plan(result), "advice.html"
    else:
        page, name = view(result), "report.html"
    document = to_json(result, compact=True)
    figures = [charts.draw(figure.chart) for figure in page.figures]
    library = choose(charts.trace_types(figures)) if figures else None
    environment = _environment()
    script = _script(environment)
    template = environment.get_template(name)
    return template.render(
        page=page,
        drawn={
            f.id: json.dumps(d, allow_nan=False) for f, d in zip(page.figures, figures, strict=True)
        },
        library=library,
        script=script,
        policy=_policy(script, library),
        document=document,
        document_id=DOCUMENT_ID,
        document_digest=digest(document),
        command=command,
    )


def is_drawn_from(page: str, result: Result, assets: str | None = None) -> bool:
    """Whether a page is what this release draws of a result.

    Parameters
    ----------
    page : str
    result : Result
    assets : str, optional
        As in `render_report`. Default: any that bring a plotting library of ours.

    Raises
    ------
    UsageError, DataError
        As in `render_report`.
    """
    said = _said_command(page)
    modes = MODES if assets is None else (assets,)
    return any(render_report(result, assets=one, command=said) == page for one in modes)


def differs_in_library(page: str, result: Result) -> bool:
    """Whether a page is what this release draws, but for the plotting library inside it.

    Such a library can draw and write what it likes: only who knows it can vouch for the page.
    """
    found = _LIBRARY.search(page)
    if found is None:
        return False
    library = library_inside(found[1])
    return _render(result, lambda _: library, _said_command(page)) == page


def _said_command(page: str) -> str:
    command = _COMMAND.search(page)
    return "" if command is None else html.unescape(command[1])


def write_report(
    result: Result,
    path: str | Path,
    *,
    assets: str = INLINE,
    command: str = "",
) -> Path:
    """Write a result as an HTML file.

    Parameters
    ----------
    result, assets, command
        As in `render_report`. With the assets ``"directory"``, ``plotly.min.js`` is
        written into the folder of `path` unless the same file is there.
    path : str or Path
        File to write; its folder is made if need be.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UsageError, DataError
        As in `render_report`.
    DocumentError
        If the page cannot be written.
    """
    target = Path(path)
    text = render_report(result, assets=assets, command=command)
    if assets == DIRECTORY:
        write_bundle(target.parent)
    return write_text(target, text)


def _policy(script: str, library: Library | None) -> str:
    """Content security policy: our own scripts and nothing else, no requests at all.

    A second wall behind the escaping: a script that a name smuggled in would have
    no digest on this list.
    """
    scripts = [f"'{script_digest(script)}'", *([library.policy] if library else [])]
    return (
        f"default-src 'none'; script-src {' '.join(scripts)};"
        " style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _script(environment: Environment) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, "report.js")[0]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Prepare jinja2: everything is escaped, and a missing name is an error."""
    import jinja2
    from markupsafe import Markup

    def tidy(value: Any) -> Any:
        """Clean every text that is not markup; runs before escaping."""
        return clean(value) if type(value) is str else value

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=tidy,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    trusted: Callable[[str], Markup] = Markup
    environment.filters["json_block"] = lambda text: Markup(escape_json(text))  # noqa: S704
    # For our own script and for the plotting library only.
    environment.filters["trusted_script"] = trusted
    environment.globals["style_of"] = style_of
    return environment
