"""What the sidebar of the Compression page offers, in words, and what is shown."""

from __future__ import annotations

from neutral.study import Study
from pages.parts.compression.tables import TableChoice
from pages.parts.text import as_text

BY = {"bytes": "Bytes", "parameters": "Parameters"}
WHERE = {"both": "Input and output", "input": "Input only"}
MASKING = {("blocks", False): "Single tokens", ("blocks", True): "Whole words", ("lines", True): "Line by line"}
MASKED = {
    ("blocks", False): "tokens masked",
    ("blocks", True): "whole words masked",
    ("lines", True): "line by line, as in the paper's scripts",
}
WEIGHTS = {"uniform": "Uniform", "sqrt": "√frequency", "frequency": "Frequency", "expected": "Expected frequency"}
WEIGHTED = (
    "Which tables the figures draw, by how much each token counted as they were fitted: all alike, by how often it "
    "occurs in the text, or by how often to expect it in more text. The answer above looks at all of them, and its "
    "winner is drawn whichever you choose."
)
VOCABULARY = {False: "Full", True: "Trimmed to the text"}
NO_STUDY = """
## There is no study of token tables here yet

Such a study holds perplexities of a model whose token table was compressed. Make one from any Hugging Face model and a
folder of text, one file a language (`en.txt`, `sw.txt`, …):

```sh
python -m neutral compress --model MODEL --methods svd,direction --ratios 2.5,5,10 --text TEXT \\
    --study data/studies/mine
```
"""
NO_RESULTS = "This study has no perplexities for this choice. Choose another size, place or masking in the sidebar."


def title(study: Study) -> str:
    """Return the study's name for people."""
    return study.info.get("title") or study.path.name


def elsewhere(asked: str, study: Study) -> str:
    """Say that the study of masks chosen on other pages is not what this page shows."""
    return (
        f"Studies of masks, such as “{as_text(asked)}”, have no token tables; these are of “{as_text(title(study))}”."
    )


def what(study: Study, choice: TableChoice) -> str:
    """Say in a line what is shown."""
    info = study.info
    size = f"{info['vocabulary']:,} × {as_text(info['width'])}" if {"vocabulary", "width"} <= set(info) else ""
    place = "compressed table in the input and in the tied output layer"
    if choice.where == "input":
        place = "compressed table in the input only" + (", output layer as it was" if info.get("tied") else "")
    masking = {"mlm": MASKED[choice.scoring, choice.words]}.get(info.get("task"), "")
    return " · ".join(filter(None, [as_text(title(study)), f"table of {size}" if size else "", place, masking]))
