"""The package: what it declares is what it imports, in ranges that hold the pins; what is beside it says one thing."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import neutral
from neutral import home
from neutral.errors import NeutralError
from neutral.languages import glottolog

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Dependencies that no import names, each with the line of ours that needs it.
BEHIND = {
    "accelerate": "class _Trainer(Trainer)",
    "urielplus": 'find_spec("urielplus")',
}

# Modules that come with another distribution, in those of its builds that need them, and are not asked for otherwise.
WITHIN = {"triton": ["torch"]}


def declared(lines):
    """Canonical name -> range."""
    return {canonicalize_name(each.name): each.specifier for each in map(Requirement, lines)}


def pins():
    lines = chain.from_iterable((ROOT / f"requirements{kind}.txt").read_text().splitlines() for kind in ("", "-dev"))
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def imported(*places):
    """Distributions that the files in these places import, on whatever line."""
    files = [file for place in places for file in ([place] if place.is_file() else place.rglob("*.py"))]
    modules = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                modules.add(node.module)
    tops = {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"neutral", "pages"}
    homes = packages_distributions() | WITHIN
    return {canonicalize_name(home) for top in tops for home in homes[top]}


DEPENDENCIES = declared(PROJECT["dependencies"])
EXTRAS = {name: declared(lines) for name, lines in PROJECT["optional-dependencies"].items()}


def test_every_pin_lies_inside_the_declared_range_and_every_range_has_a_pin():
    ranges = DEPENDENCIES | EXTRAS["app"] | EXTRAS["hub"] | EXTRAS["cluster"]
    pinned = pins()
    outside = {name: pinned.get(name) for name, range_ in ranges.items() if pinned.get(name, "") not in range_}
    assert not outside


def test_every_range_has_a_lower_end_and_stops_at_the_next_major_release():
    for name, range_ in (DEPENDENCIES | EXTRAS["app"] | EXTRAS["hub"] | EXTRAS["cluster"]).items():
        ends = {each.operator: each.version for each in range_}
        assert set(ends) == {">=", "<"}, name
        assert int(ends["<"]) == int(ends[">="].partition(".")[0]) + 1, name


def test_what_the_library_imports_is_declared_and_nothing_else():
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "neutral").rglob("*.py"))
    gone = [name for name, line in BEHIND.items() if line not in source]
    assert not gone
    assert imported(ROOT / "neutral") | set(BEHIND) == set(DEPENDENCIES) | set(EXTRAS["hub"]) | set(EXTRAS["cluster"])


def test_the_app_imports_what_the_extra_app_adds():
    assert imported(ROOT / "pages", ROOT / "app.py") - set(DEPENDENCIES) == set(EXTRAS["app"])


def test_requirements_are_the_dependencies_and_the_app():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert {canonicalize_name(line.partition("==")[0]) for line in lines} == {*DEPENDENCIES, *EXTRAS["app"]}


def test_the_version_stands_in_one_place():
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert "version" not in citation()
    told = subprocess.run([sys.executable, "-m", "neutral", "--version"], capture_output=True, text=True, cwd=ROOT)
    assert told.stdout == f"neutral {neutral.__version__}\n"


def test_the_command_is_what_python_m_neutral_runs():
    module, _, function = PROJECT["scripts"]["neutral"].partition(":")
    assert getattr(import_module(module), function) is import_module("neutral.__main__").main


def test_only_two_folders_beside_the_code_are_read_and_each_says_in_one_line_when_it_is_not_there(
    tmp_path, monkeypatch
):
    read = {
        folder: ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / "neutral").rglob("*.py")
        for folder in re.findall(r'Path\(__file__\).*?"data" / "(\w+)"', file.read_text(encoding="utf-8"))
    }
    places = [f for f in (ROOT / "neutral").rglob("*.py") if "Path(__file__)" in f.read_text(encoding="utf-8")]
    assert set(read) == {"published", "sentences"}
    # The app needs the repository, and says so (tests/test_cli_app.py); what its runs may choose from is what is there.
    assert {f.name for f in places} == {"published.py", "inside.py", "glottolog.py", "world.py", "home.py"}
    assert home.CHECKOUT == ROOT

    published, inside = import_module(read["published"]), import_module(read["sentences"])
    gone = tmp_path / "data"
    monkeypatch.setattr(published, "FOLDER", gone)
    with pytest.raises(NeutralError, match="come with the repository, not with the package"):
        published.read("transfer")
    monkeypatch.setattr(inside, "SENTENCES", gone)
    with pytest.raises(NeutralError, match="repository, not with the package; name a folder of parallel text"):
        inside.check(inside.InsidePlan("none", sentences=gone))


def test_what_is_read_beside_the_code_comes_with_the_package_and_says_whose_it_is():
    assert glottolog.FILE.parent == ROOT / "neutral" / "languages"
    note = glottolog.FILE.with_name("GLOTTOLOG.md").read_text(encoding="utf-8")
    for word in ("Glottolog 5.1", "CC BY 4.0", "Hammarström"):
        assert word in note
    assert "Glottolog 5.1" in [reference["title"] for reference in citation()["references"]]
    assert "neutral/languages/GLOTTOLOG.md" in PROJECT["license-files"]


def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_citation_has_what_the_format_asks_for_and_both_papers():
    found = citation()
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert found["cff-version"] == "1.2.0"
    assert found["license"] == PROJECT["license"]
    papers = found["references"]
    assert all({"type", "title", "authors"} <= set(paper) for paper in papers)
    named = {value["value"] for paper in papers for value in paper.get("identifiers", [])} | {
        p.get("doi") for p in papers
    }
    dois = {"10.18653/v1/2022.emnlp-main.513", "10.18653/v1/2021.repl4nlp-1.32"}
    assert {"arXiv:2205.12672", "arXiv:2106.08181"} | dois <= named


def test_the_change_log_begins_with_this_version():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0].startswith(neutral.__version__)


def test_the_workflow_runs_the_script_on_the_oldest_python_that_is_supported():
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["test"]
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert ".ci/run" in [step.get("run") for step in job["steps"]]
    assert job["container"].startswith(f"python:{oldest}-")
    assert f"FROM python:{oldest}-" in (ROOT / "Dockerfile").read_text()


def test_the_image_copies_what_is_there_and_the_build_context_lets_it_through():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [path for line in lines if line.startswith("COPY ") for path in line.split()[1:-1]]
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in copied)
    assert sorted(copied) == sorted(let_through)
