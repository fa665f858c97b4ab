"""The house is in order: the library knows no page, pages do not compute, imports do not run in circles."""

import ast
import re
from graphlib import CycleError, TopologicalSorter

import pytest
from conftest import ROOT

LIBRARY = sorted((ROOT / "neutral").rglob("*.py"))
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]
PARTS = sorted((ROOT / "pages" / "parts").rglob("*.py"))

COMPUTING = {"numpy", "scipy", "networkx", "sklearn", "torch", "umap"}
"""Packages that a page has no use for: what they are for is the library's."""

STATISTICS = {
    *("groupby", "agg", "aggregate", "transform", "apply", "pivot", "pivot_table", "melt", "merge", "concat"),
    *("mean", "median", "std", "var", "sem", "quantile", "describe", "corr", "cov", "rank", "cumsum"),
    *("idxmax", "idxmin", "argmax", "argmin", "argsort", "nlargest", "nsmallest", "sort_values"),
}
"""Methods of tables that make new numbers or a new order. To choose rows, to rename and to count is no computing."""

PARTICIPLES = {"explained", "compared", "crossed", "transferred", "using", "reasons", "verdicts", "takehome"}
"""Names that modules had once: none says which subject it is about."""


def name_of(path):
    """neutral/search/winning.py -> neutral.search.winning"""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def is_typing(node):
    """Whether a statement is `if TYPE_CHECKING:`, which does not run."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def at_import(node):
    """The import statements that run when a module is imported: those in functions run later."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            yield child
        elif not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_typing(child):
            yield from at_import(child)


def imported(statement):
    """The names that a statement imports, each with the name of what it may be an attribute of."""
    if isinstance(statement, ast.Import):
        return [(alias.name, "") for alias in statement.names]
    assert not statement.level, "imports are absolute here"
    return [(f"{statement.module}.{alias.name}", statement.module) for alias in statement.names]


def packages(path):
    """The top-level packages that a file imports, anywhere in it."""
    statements = (node for node in ast.walk(parsed(path)) if isinstance(node, (ast.Import, ast.ImportFrom)))
    return {name.split(".")[0] for statement in statements for name, _ in imported(statement)}


def graph(paths):
    """Module -> the modules that must be there before it. A package's own submodules find it begun, which will do."""
    modules = {name_of(path): path for path in paths}
    needs = {name: set() for name in modules}
    for name, path in modules.items():
        for statement in at_import(parsed(path)):
            for whole, part in imported(statement):
                target = whole if whole in modules else part
                while target:  # and the packages that it is in
                    if target in modules and target != name and not name.startswith(f"{target}."):
                        needs[name].add(target)
                    target = target.rpartition(".")[0]
    return needs


def methods(tree):
    """The methods that are called, with their lines: `table.groupby(…)` gives groupby, and a module's function none."""
    statements = (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))
    modules = {alias.asname or alias.name for statement in statements for alias in statement.names}
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    functions = [function for function in calls if isinstance(function, ast.Attribute)]
    return {(f.attr, f.lineno) for f in functions if not (isinstance(f.value, ast.Name) and f.value.id in modules)}


def pandas_at_work(tree):
    """Where `pd` is used for more than the names of its types in annotations."""
    hints = set()
    for node in ast.walk(tree):
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            hints |= set(map(id, ast.walk(hint))) if isinstance(hint, ast.AST) else set()
    return [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "pd" and id(n) not in hints]


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_the_library_knows_no_page(path):
    assert not packages(path) & {"streamlit", "pages"}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_picks_calls_and_shows_and_does_not_compute(path):
    tree = parsed(path)
    assert not packages(path) & COMPUTING
    assert not {(name, line) for name, line in methods(tree) if name in STATISTICS}
    assert not pandas_at_work(tree), "pages name pandas' types only"


@pytest.mark.parametrize("path", PARTS, ids=name_of)
def test_parts_of_pages_put_tables_together_and_leave_the_numbers_to_the_library(path):
    tree = parsed(path)
    running = {name.split(".")[0] for statement in at_import(tree) for name, _ in imported(statement)}
    assert not running & COMPUTING
    assert not {(name, line) for name, line in methods(tree) if name in STATISTICS}


@pytest.mark.parametrize("path", [*PAGES, *PARTS], ids=name_of)
def test_pages_take_figures_from_where_they_are_remembered(path):
    names = [name for statement in at_import(parsed(path)) for name, _ in imported(statement)]
    assert "neutral.figures" not in names or path.name == "figures.py"


@pytest.mark.parametrize("paths", [LIBRARY, [*PAGES[1:], *PARTS]], ids=["neutral", "pages"])
def test_imports_do_not_run_in_circles(paths):
    try:
        TopologicalSorter(graph(paths)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(error.args[1]))


def test_a_circle_would_be_found(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "house").mkdir()
    texts = {"__init__": "", "one": "from house import two", "two": "from house.one import thing"}
    paths = [tmp_path / "house" / f"{name}.py" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_text(text, encoding="utf-8")
    with pytest.raises(CycleError):
        TopologicalSorter(graph(paths)).prepare()
    paths[2].write_text("def later():\n    from house.one import thing\n", encoding="utf-8")
    TopologicalSorter(graph(paths)).prepare()


def test_computing_would_be_found():
    tree = ast.parse("def mean(table: pd.DataFrame) -> float:\n    return pd.concat([table]).groupby('a').mean()")
    assert {name for name, _ in methods(tree)} & STATISTICS == {"concat", "groupby", "mean"}
    assert pandas_at_work(tree) == [2]


@pytest.mark.parametrize("path", [*LIBRARY, *PAGES, *PARTS], ids=name_of)
def test_modules_are_named_by_their_subject(path):
    assert path.stem not in PARTICIPLES


def test_every_page_has_the_part_of_its_subject():
    subjects = {path.name for path in (ROOT / "pages" / "parts").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    known = {"overlap", "compare", "search", "transfer", "typology", "inside", "compression", "runs", "language"}
    assert subjects == known
    for subject in subjects:
        assert {"tables.py", "words.py"} <= {path.name for path in (ROOT / "pages" / "parts" / subject).iterdir()}


FLOORS = {"library": "neutral", "shell": "neutral/cli", "runs": "neutral/runs", "figures": "neutral/figures"}


def floor_plan():
    """Subject -> floor -> its words there; in the shell, names of commands in parentheses are left out."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    start = next(i for i, line in enumerate(lines) if line.startswith("| subject | library |"))
    names = [cell.strip() for cell in lines[start].strip("|").split("|")]
    plan = {}
    for line in lines[start + 2 :]:
        cells = [re.sub(r"\(.*?\)|[`–]", "", cell).split() for cell in line.strip("|").split("|")]
        if len(cells) != len(names):
            break
        plan[" ".join(cells[0])] = dict(zip(names[1:], cells[1:], strict=True))
    return plan


def test_the_floor_plan_names_what_is_there():
    plan = floor_plan()
    assert {"overlap", "one language", "typology", "languages"} <= plan.keys()
    for floors in plan.values():
        for floor, folder in FLOORS.items():
            for word in floors[floor]:
                place = ROOT / folder / word
                assert place.exists() or place.with_suffix(".py").exists(), f"{folder}/{word}"
        for word in floors["pages"]:
            assert (ROOT / word).exists() or (ROOT / "pages" / f"{word}.py").exists(), word


def test_one_language_has_one_word_on_every_floor():
    floors = floor_plan()["one language"]
    assert {word.strip("/") for floor in ("library", "shell", "figures", "pages") for word in floors[floor]} == {
        "language"
    }
