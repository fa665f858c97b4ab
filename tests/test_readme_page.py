"""A study's README on its page: as it is if the study comes with the project, else with nothing that leads away."""

import apppages
import hostile
import marked
import pytest
import synthetic
from apppages import opened
from markdown_it import MarkdownIt

from pages.parts import catalogue, readme
from pages.parts.text import JOINER

LINK = "[l](http://127.0.0.1:9/)"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    synthetic.two_language_study(tmp_path / "studies" / "mini-mbert-mlm")
    apppages.only(tmp_path / "studies", tmp_path, monkeypatch)
    return tmp_path / "studies"


def about(at):
    """The Markdown in the expander with the README, and the code in it."""
    box = next(box for box in at.expander if box.label == "About this study")
    return "\n".join(each.value for each in box.markdown), [each.value for each in box.code]


def test_a_study_of_the_projects_folder_has_its_readme_as_it_is(folder, monkeypatch):
    (folder / "mini-mbert-mlm" / "README.md").write_text(f"{LINK} ![i](x.png)")
    monkeypatch.setattr(catalogue, "BUNDLED", folder)
    assert about(opened("app.py")) == (f"{LINK} ![i](x.png)", [])


def test_a_study_elsewhere_under_a_bundled_name_has_it_without_pictures_links_and_html(folder):
    (folder / "mini-mbert-mlm" / "README.md").write_text(marked.README)
    said, code = about(opened("app.py"))
    assert code == ['neutral find "<b>" @x']
    assert said.startswith("## A *README*\n"), "the page has a heading of the first level already"
    assert said.replace(JOINER, "").strip() == readme.demoted(marked.README).split("```")[0].strip()
    for live in ("](", "][", "]:", "<i", "<h", "http:", "www.", "a@e", "&#"):
        assert live not in said


def test_headings_are_one_level_lower_and_code_is_as_it_was():
    text = "Title\n=====\n\n# One\n\n```sh\n# a comment\n```\n\nTwo\n---\n\n- a\n\n---\n\n###### Six\n#no heading"
    shown = "## Title\n\n## One\n\n```sh\n# a comment\n```\n\n### Two\n\n- a\n\n---\n\n###### Six\n#no heading"
    assert readme.demoted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "[a](http://e.x)",
        "![a](http://e.x/i.png)",
        "[a][b]\n\n[b]: http://e.x",
        "![a]\n\n[a]: http://e.x",
        "<http://e.x>",
        "<a@e.x>",
        "<img src=x>",
        "</p><!-- -->",
        "http://e.x https://e.x",
        "http:\\/\\/e.x",
        "h&#116;tp://e.x &lt;b&gt;",
        "_http://e.x_ (WWW.e.x)",
        "www\\.e.x a\\@e.x",
        "> ```mermaid\n> graph TD; A@{ img: 'http://e.x' }\n> ```",
        "- ~~~ mermaid\n  x\n  ~~~",
    ],
)
def test_no_way_to_write_a_picture_a_link_or_html_is_left(text):
    parser = MarkdownIt("commonmark", {"html": True})
    tokens = [t for token in parser.parse(readme.inert(text)) for t in (token, *(token.children or []))]
    assert not {token.type for token in tokens} & {"link_open", "image", "html_inline", "html_block"}
    shown = "".join(token.content for token in tokens if token.type == "text")
    for live in ("http:", "https:", "www.", "a@e"):  # what is made a link where it stands alone
        assert live not in shown.lower()
    assert "mermaid" not in {token.info.strip() for token in tokens}


def test_a_long_readme_is_cut(folder):
    (folder / "mini-mbert-mlm" / "README.md").write_text("x" * 100_000)
    at = opened("app.py")
    assert len(about(at)[0]) == readme.MOST
    assert any("The first 40,000 characters of README.md are shown" in caption.value for caption in at.caption)


@pytest.mark.parametrize("name", ["readme-latin-1", "readme-link-passwd"])
def test_a_readme_that_cannot_be_read_costs_a_line(folder, name):
    hostile.hostile_study(folder, name)
    at = opened("app.py", study=name)
    assert any(caption.value.startswith(f"{name}/README.md: ") for caption in at.caption)
    assert not at.error
