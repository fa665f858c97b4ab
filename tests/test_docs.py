"""The pages of `docs/` name what the bundled studies hold, and point at what is there."""

import json
import re
from pathlib import Path

import pytest
from safetensors import safe_open

from neutral.study import find_studies

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
FORMATS = (ROOT / "docs" / "file-formats.md").read_text(encoding="utf-8")
STUDIES = find_studies(ROOT / "data" / "studies")


def section(heading):
    """The text under a heading, up to the next of its level."""
    level = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{2,{len(level)}}} |\Z)", FORMATS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/file-formats.md has no section {heading}"
    return found[1]


def named(text):
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def told(kind):
    """The fields that the section of a kind of rows lists, and those of the kind that has all others."""
    text = section(f"### `{kind}`")
    first_cells = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    others = re.findall(r"^\| all others \| as in `(\w+)`", text, re.MULTILINE)
    return named(" ".join(first_cells)).union(*map(told, others))


def rows(study):
    return map(json.loads, (study / "results.jsonl").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_kind_and_field_of_the_rows_is_listed(study):
    fields = {}
    for row in rows(study):
        fields.setdefault(row["kind"], set()).update(row)
    unlisted = {kind: sorted(there - {"kind", "more"} - told(kind)) for kind, there in fields.items()}
    assert not any(unlisted.values()), unlisted


def test_no_field_is_listed_that_no_row_has():
    there = {}
    for study in STUDIES:
        for row in rows(study):
            there.setdefault(row["kind"], set()).update(row)
    # The bundled studies' rows are older than these fields.
    newer = {"representation": {"pooling"}, "distance": {"features"}, "regression": {"pairs"}}
    newer |= {"transfer": {"accuracy"}, "leaving": {"controls"}, "across": {"read"}, "alike": {"read"}}
    newer |= {"table": {"tables"}}  # of a model with several tables of tokens
    newer |= {kind: {"accuracy", "characters", "bytes"} for kind in ("score", "functional")}
    extra = {kind: told(kind) - fields - newer.get(kind, set()) for kind, fields in there.items()}
    assert not any(extra.values()), extra


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_key_of_study_json_is_named(study):
    info = json.loads((study / "study.json").read_text(encoding="utf-8"))
    keys, known = set(info), named(section("## study.json"))
    for part in (info, *info.get("tasks", {}).values()):
        keys |= set(part) | set(part["text"]) | {key for one in part["settings"].values() for key in one}
        keys |= {key for one in part["settings"].values() for key in one.get("recipe", ())}
    keys |= set(info["versions"]) | set(info.get("parallel", ()))
    assert not keys - known


def test_the_settings_and_scores_of_a_pretraining_are_named(tmp_path):
    from neutral.corpora import Corpus
    from neutral.pretraining import record, start
    from neutral.recipes import Recipe
    from neutral.tasks import Score

    text = {"train": {"en": ["a"]}, "held_out": {"en": ["b"]}}
    corpus = Corpus("text", hashes={}, **text)
    sizes = {"vocabulary": 5, "length": 4, "mask_share": 0.15}
    encoder = start.Encoder(None, None, dict.fromkeys(("weights", "config", "tokenizer"), "0"), ())
    of_nothing = record.settings(None, None, corpus, Recipe(), start.Shape(), **sizes)
    of_encoder = record.settings("name", encoder, corpus, Recipe(), start.Shape(), **sizes)
    record.finish(tmp_path, of_nothing, {"en": (Score(1.0, 2), Score(2.0, 2))})
    written = json.loads((tmp_path / record.FILE).read_text())
    keys = {*of_nothing, *of_encoder, *of_encoder["from"], *written, *written["scores"]["en"][0]}
    assert not keys - named(section("## A pretrained model"))


def test_the_keys_of_masks_and_counts_are_named():
    masks, counts = section("## Mask files"), section("## Counts")
    for path in ROOT.glob("data/studies/*/masks/*.safetensors"):
        with safe_open(path, framework="numpy") as file:
            about = file.metadata()
        assert not (set(about) | set(json.loads(about["header"]))) - named(masks)
    for path in ROOT.glob("data/studies/*/counts/*.safetensors"):
        with safe_open(path, framework="numpy") as file:
            about, arrays = file.metadata(), set(file.keys())
        inner = json.loads(about["neutral_counts"])
        assert not (set(about) | set(inner) | arrays) - named(counts)
        assert not set(inner["header"]) - named(masks)


def test_the_kinds_of_counts_and_the_tensors_of_tables_are_named():
    from neutral import study
    from neutral.compression import METHODS, load
    from neutral.compression.table import KINDS
    from neutral.errors import FileError

    assert set(study.KINDS) <= named(section("## A study"))
    with pytest.raises(FileError):
        load("nothing")  # imports every method
    tables = section("## Token tables")
    for method in METHODS:
        line = re.search(rf"^\| `{method}` \|.*$", tables, re.MULTILINE)
        assert line, method
        parts = {re.sub(r"\d$", "N", name) for name in KINDS[method].parts}
        assert not parts - named(tables)


def test_the_files_that_are_named_exist():
    gone = {}
    for page in PAGES:
        paths = re.findall(r"`((?:neutral|pages|tests|docs)/[\w/.]+)`", page.read_text(encoding="utf-8"))
        gone[page.name] = [path for path in paths if not re.search("[A-Z]{4}", path) and not (ROOT / path).exists()]
    assert not any(gone.values()), gone
