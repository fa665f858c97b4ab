"""Names in Markdown and in figures: whatever a name holds, what is read of it is the name."""

import random

import pytest
from markdown_it import MarkdownIt

from neutral.figures import theme
from neutral.labels import in_order
from pages.parts.text import JOINER, as_text, block, code, file_name, in_words

NASTY = [*"\\`*_{}[]()<>#+-.!|~$&:@=/^'\"% \t", "www.", "http://", "://", "&lt;", "&#60;", "---", "```", "~~~", "1. "]
NASTY += [
    "![",
    "](",
    "<b>",
    "</b>",
    "<img src=x>",
    ":red[",
    ":smile:",
    ":material/x:",
    "->",
    "a",
    "b",
    "Z",
    "7",
    "é",
    "中",
]


def parsed(markdown):
    """The text, and the kinds of all else, that a parser of CommonMark finds."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = [t for token in parser.parse(markdown) for t in (token, *(token.children or []))]
    text = "".join(token.content for token in tokens if token.type in ("text", "code_inline", "fence", "text_special"))
    return text, {token.type for token in tokens} - {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
    }


def strings():
    draw = random.Random(0)
    drawn = ["".join(draw.choices(NASTY, k=draw.randint(1, 12))) for _ in range(500)]
    return [*drawn, "__init__", "a __b__ _c_ ___d___", "é__x__.__y", "_(__a__)_"]


def test_any_text_reads_as_it_is_written_and_is_no_markup():
    for text in strings():
        read, made = parsed(as_text(text))
        assert made == set(), text
        assert read.replace(JOINER, "") == " ".join(text.split()), text


def test_what_is_looked_for_when_escapes_are_gone_is_not_found():
    for text in strings():
        shown = parsed(as_text(text))[0].lower()
        for found in ("http:/", "www.", ":red", ":smile:", ":material/", ":streamlit:", "://"):
            assert found not in shown, text


def test_a_text_in_a_sentence_leaves_the_sentence_as_it_is():
    for text in strings():
        _, made = parsed(f"- **{as_text(text)}** x *{as_text(text)}*.")
        assert made <= {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"} | {
            f"{kind}_{side}" for kind in ("strong", "em") for side in ("open", "close")
        }, text


def test_code_holds_whatever_is_in_it():
    for text in strings():
        if not text.strip():
            continue
        read, made = parsed(f"x {code(text)} x")
        assert made == {"code_inline"}, text
        read, made = parsed(f"x\n\n{block([text, 'next'], 'sh')}\n\nx")
        assert made == {"fence"}, text
        assert read.replace(JOINER, "") == f"x{text.replace(chr(9), ' ')}\nnext\nx"


@pytest.mark.parametrize("name", ["", "\n", "\u2066"])
def test_a_name_of_nothing_is_said_to_be_none(name):
    assert in_words(name) == "(no name)"


def test_a_figure_has_no_tag_formula_or_template_of_a_name():
    for text in strings():
        drawn = theme.plain(text)
        assert not set("<>$") & set(drawn)
        assert "%{" not in drawn
        assert theme.plain("<b>&lt;</b>") == "&#60;b&#62;&#38;lt;&#60;/b&#62;"


def test_bundled_names_are_left_as_they_are():
    groups = in_order(["encoder 0 attention_output", "decoder 11 expert 5 up", "pooler"])
    for name in [
        *groups,
        "mini-mbert-mlm",
        "Farsi (Latin)",
        "svd, √frequency",
        "en+fa",
        "a_b",
        "1.5 ×",
        "C++",
        "Swahili/1",
    ]:
        assert as_text(name) == name
        assert theme.plain(name) == name


def test_a_name_of_a_file_is_one():
    for text in strings():
        assert "/" not in file_name(text)
        assert not file_name(text).startswith(".")
