"""Documents do not rot: their examples run, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *REPOSITORY.glob("docs/**/*.md"),
        *REPOSITORY.glob("benchmarks/*.md"),
    ]
)


def test_documents_are_found():
    assert {"README.md", "GLOSSARY.md", "guide.md", "factors.md"} <= {d.name for d in DOCUMENTS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_links_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def blocks(name, language):
    text = (REPOSITORY / name).read_text()
    found = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    assert found, f"{name} has no {language} block"
    return found


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/evaluation.md",
        "docs/guide.md",
        "docs/ledger.md",
        "docs/live_sources.md",
        "docs/management.md",
        "docs/papers.md",
        "docs/scheduling.md",
        "docs/scheduling_cafe.md",
        "docs/scheduling_neighbours.md",
        "docs/simulation.md",
        "docs/sparse_training.md",
    ],
)
def test_python_examples_run(name, tmp_path):
    for number, code in enumerate(blocks(name, "python")):
        folder = tmp_path / str(number)
        folder.mkdir()
        subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=folder, check=True)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/audit.md",
        "docs/evaluation.md",
        "docs/guide.md",
        "docs/ledger.md",
        "docs/live_sources.md",
        "docs/management.md",
        "docs/papers.md",
    ],
)
def test_shell_examples_use_options_that_exist(name):
    helps = {}
    for line in "".join(blocks(name, "sh")).splitlines():
        if not line.startswith("footprint "):
            continue
        words = line.split(" -- ")[0].split("#")[0].split()
        groups = ("factors", "intensity", "ledger", "manage")
        command = words[1:3] if words[1] in groups else words[1:2]
        if words[1] == "audit":  # whose command `run` may go without its name
            command = ["audit", words[2] if words[2] in ("verify", "diff", "export") else "run"]
        if tuple(command) not in helps:
            helps[tuple(command)] = subprocess.run(
                [sys.executable, "-m", "footprint", *command, "--help"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        for option in (word for word in words if word.startswith("-")):
            assert option in helps[tuple(command)], f"{line}: {option}"


def test_the_paper_case_that_is_shown_does_what_is_said(tmp_path):
    from footprint.papercases import check_case, read_case

    (text,) = blocks("docs/papers.md", "toml")
    (tmp_path / "case.toml").write_text(text)
    results = check_case(read_case(tmp_path / "case.toml"))
    assert [one.agrees for one in results] == [True, True, True, None]
    assert results[-1].missing == ("intensity",)


def test_the_simulation_manifest_that_is_shown_is_one(tmp_path):
    from footprint.trials.manifest import read_plan

    (text,) = blocks("docs/evaluation.md", "toml")
    (tmp_path / "plan.toml").write_text(text)
    plan = read_plan(tmp_path / "plan.toml")
    assert [policy.name for policy in plan.policy] == ["random", "half"]
    assert plan.second_signal is not None


def test_the_study_that_is_shown_is_one(tmp_path):
    from footprint.studies.manifest import read_study

    (text,) = blocks("docs/sparse_training.md", "toml")
    (tmp_path / "study.toml").write_text(text)
    plan = read_study(tmp_path / "study.toml")
    assert [method.label for method in plan.method] == ["", "research, theoretical only"]


def test_the_needs_of_a_company_that_are_shown_are_some(tmp_path):
    from footprint.management.advisor.needs import read_needs

    (text,) = (b for b in blocks("docs/management.md", "toml") if "[[jobs]]" in b)
    (tmp_path / "management.toml").write_text(text)
    needs = read_needs(tmp_path)
    assert needs.replication == {"ssd": 2.0}
    assert needs.jobs[0].moved_gb == 350


def test_the_documented_keys_of_paper_cases_are_those_that_are_known():
    from footprint.papercases.formulas import MODELS, known_figures, known_inputs

    text = (REPOSITORY / "docs/papers.md").read_text()
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", text, flags=re.MULTILINE))
    assert set(rows) == {*MODELS, "life-cycle"}
    for model in MODELS:
        figures, inputs = (set(re.findall(r"`(\w+)`", cell)) for cell in rows[model].split(" | "))
        assert figures == set(known_figures(model)), model
        assert inputs == set(known_inputs(model)) - figures, model


def test_set_up_takes_exactly_two_commands():
    section = (REPOSITORY / "README.md").read_text().split("## Set up")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    commands = [line.split("#")[0].strip() for line in block.strip().splitlines()]
    assert commands == ["scripts/demo", "scripts/test"]
    for command in commands:
        assert (REPOSITORY / command).stat().st_mode & 0o111


def test_no_document_names_a_machine():
    for document in DOCUMENTS:
        found = re.findall(r"(?:^|[\s\"'`(])/(?:home|root|tmp|work)/\S+", document.read_text())
        assert found == [], document.name


def test_example_results_can_be_read_by_this_release():
    from footprint.documents import read_document

    found = sorted((REPOSITORY / "reports").rglob("*.json"))
    assert found
    for path in found:
        assert read_document(path)
