"""What a study, a file or the address names is shown as text on every page: no markup in a name takes effect.

Every string that goes to the browser is looked at. One that holds the mark stands in a field of which this file knows
how the browser reads it: as Markdown, where the mark must be escaped, or as it is, where it must not be.
"""

import json
import re

import apppages
import marked
import pytest
from google.protobuf.message import Message
from marked import MARK, NAME

from neutral import maskfiles
from neutral.compare import MaskPin
from neutral.figures import theme
from neutral.masks import Mask
from pages.parts.compression import models
from pages.parts.text import as_text

PLAIN = {
    "BlockProto.id", "Button.id", "Code.code_text", "CodeBlock.code_text", "Dataframe.columns", "Dataframe.id",
    "DownloadButton.id", "Expandable.id", "MultiSelect.options", "PageLink.page", "PageLink.query_string",
    "PlotlyChart.alt",
    "PlotlyChart.id", "Selectbox.id", "Selectbox.options", "Selectbox.raw_value", "Text.body", "TextInput.default",
    "TextInput.id", "TextInput.value", "TextInput.placeholder", "MultiSelect.id", "NumberInput.id", "Checkbox.id",
}  # fmt: skip
MARKDOWN = {
    "Alert.body", "Expandable.label", "Selectbox.help", "Heading.body", "Markdown.body", "Metric.label", "Metric.delta",
    "PageLink.label",
}  # fmt: skip
"""Message.field of Streamlit -> how its browser half reads it; `tests/test_browser_names.py` looks at the result."""

VIEWS = [
    ("app.py", {}),
    ("pages/overlap.py", {}),
    ("pages/pair.py", {}),
    ("pages/language.py", {"language": MARK}),
    ("pages/layers.py", {"who": MARK}),
    pytest.param("pages/layers.py", {}, marks=pytest.mark.long),
    ("pages/typology.py", {"section": "Tree"}),
    *(
        pytest.param("pages/typology.py", {"section": part}, marks=pytest.mark.long)
        for part in ("Distances", "World", "Graph", "Similarity map")
    ),
    ("pages/inside.py", {}),
    ("pages/transfer.py", {}),
    ("pages/tickets.py", {}),
    (
        "pages/compare.py",
        {"pin": [MaskPin(kind, NAME, ("en", MARK), "wanda", 0.5).text for kind in ("pair", "overlap")]},
    ),
    ("pages/runs.py", {"new": '{"command": "typology"}'}),
]
PARTS = [
    *("Perplexity", "By step", "Fine-tuning"),
    *(
        pytest.param(part, marks=pytest.mark.long)
        for part in ("Errors", "Direction or distance", "Losses", "Live", "Tokens")
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return marked.studies(tmp_path_factory.mktemp("marked"))


@pytest.fixture(autouse=True)
def only_these(folder, tmp_path, monkeypatch):
    apppages.only(folder, tmp_path, monkeypatch)
    monkeypatch.setattr(models, "MODELS", tmp_path / "none")


def messages(block):
    """Every message that a page sends, those of containers too."""
    for child in block.children.values():
        if (proto := getattr(child, "proto", None)) is not None:
            yield proto
        if hasattr(child, "children"):
            yield from messages(child)


def strings(message):
    """Yield (Message.field, string) of a message and all in it."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else [value]:
            if isinstance(each, Message):
                yield from strings(each)
            elif isinstance(each, str):
                yield f"{message.DESCRIPTOR.name}.{field.name}", each


def without(text, *shown):
    """A text without what is shown as it should be; pages write names small or with a capital, too."""
    for each in shown:
        text = re.sub(re.escape(each), "", text, flags=re.IGNORECASE)
    return text


def left_in_markdown(text):
    """What is left of a mark in Markdown that is not shown as text."""
    text = re.sub(r"(?<!`)(``+)(?!`)(.*?)(?<!`)\1(?!`)", "", text, flags=re.DOTALL)  # code, which its fences hold
    return "zq" in without(text, as_text(MARK), as_text(NAME)).lower()


def left_in_figure(value, path=""):
    """Yield the paths of strings in a figure in which a mark is not shown as text."""
    if isinstance(value, dict):
        templates = str(value.get("hovertemplate")) + str(value.get("texttemplate"))
        for key, each in value.items():
            drawn = key != "bdata" and (key != "customdata" or "%{customdata" in templates)
            if drawn and not (path == ".layout" and key == "meta"):
                yield from left_in_figure(each, f"{path}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from left_in_figure(each, path)
    elif isinstance(value, str) and "zq" in without(value, theme.plain(MARK), theme.plain(NAME)).lower():
        yield f"{path}: {value}"


def check(at):
    """Assert that a page shows marks as text, and return the fields in which it shows some."""
    seen = set()
    for message in messages(at._tree):
        for field, text in strings(message):
            if field == "PlotlyChart.spec":
                assert not list(left_in_figure(json.loads(text)))
                continue
            if "zq" not in text.lower():
                continue
            seen.add(field)
            assert field in PLAIN | MARKDOWN, f"how does the browser read {field}? {text}"
            if field in MARKDOWN:
                assert not left_in_markdown(text), (field, text)
            else:
                assert "\\[" not in text, f"{field} is no Markdown: {text}"
    return seen


@pytest.mark.parametrize("study", [NAME, pytest.param("methods", marks=pytest.mark.long)])
@pytest.mark.parametrize(("page", "address"), VIEWS)
def test_a_page_shows_every_name_of_a_study_as_text(page, address, study):
    seen = check(apppages.opened(page, study=study, runs=study, **address))
    assert seen


@pytest.mark.parametrize("page", ["app.py", "pages/tickets.py"])
def test_a_page_shows_names_of_tasks_and_methods_as_text(page):
    assert check(apppages.opened(page, study="methods"))


@pytest.mark.parametrize("part", PARTS)
def test_the_compression_page_shows_every_name_of_a_study_as_text(part):
    assert check(apppages.opened("pages/compression.py", part=part, word=NAME[:60]))


@pytest.mark.parametrize(
    ("page", "key"),
    [
        ("app.py", "study"),
        pytest.param("pages/transfer.py", "runs", marks=pytest.mark.long),
        ("pages/compression.py", "tables"),
        ("app.py", "show"),
        ("pages/compare.py", "pin"),
        ("pages/overlap.py", "measure"),
        ("pages/language.py", "language"),
    ],
)
def test_what_an_address_names_is_shown_as_text(page, key):
    check(apppages.opened(page, **{key: MARK}))


def test_a_study_of_masks_that_another_page_names_is_text_on_the_compression_page():
    assert "Alert.body" not in check(apppages.opened("pages/compression.py", study=NAME))


@pytest.mark.parametrize(
    "page",
    [
        "pages/masks.py",
        *(pytest.param(page, marks=pytest.mark.long) for page in ("pages/overlap.py", "pages/layers.py")),
    ],
)
def test_names_and_files_of_uploads_are_shown_as_text(page):
    at = apppages.opened("pages/masks.py")
    masks = [
        Mask.random({"encoder.layer.0.a.weight": (8, 8), f"encoder.layer.1.{MARK}": (8, 8)}, 0.5, i) for i in (0, 1)
    ]
    files = [(f"{NAME}.safetensors", maskfiles.to_bytes(mask), "") for mask in masks]
    at.get("file_uploader")[0].set_value([*files, (f"{NAME}.npz", b"no", "")]).run()
    assert len(at.error) == 1
    at.text_input[0].set_value("*b* :red[r] www.e.x").run()
    at.query_params["show"] = "Your masks"
    at.switch_page(page).run()
    assert not at.exception
    assert check(at) or page != "pages/masks.py"
