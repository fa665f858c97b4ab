"""The model card of a trimmed model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neutral.languages import language

if TYPE_CHECKING:
    from neutral.compression.trimmed import Facts


def card(facts: Facts) -> str:
    """Return a model card: what was cut, what is lost by language, how to load it."""
    rows = [
        f"| {kept.language} {language(kept.language).name} | {kept.tokens:,} | {kept.kept:.2%} | {kept.longer:.3f} "
        f"| {kept.unknown:.2%} |"
        for kept in facts.languages
    ]
    (full, left), (parameters, rest), (before, after) = facts.rows, facts.parameters, facts.bytes
    name = Path(facts.model).name
    return "\n".join(
        [
            f"# {name} for {', '.join(kept.language for kept in facts.languages)}",
            "",
            f"{name} with {left:,} of its {full:,} tokens: {rest / 1e6:.1f} M parameters instead of "
            f"{parameters / 1e6:.1f} M, {after / 1e6:,.1f} MB instead of {before / 1e6:,.1f} MB. No weight was "
            "changed; rows of the token table that text in these languages does not use are gone (`neutral trim`). "
            "Text of which all tokens stay gives the same tokens and the same logits as before.",
            "",
            "## What is lost",
            "",
            "On text that the trimming did not see: tokens of the full model that stay, how many tokens the same text "
            "takes now, and how many of these are unknown. `trimming.json` has the old number of each token.",
            "",
            "| language | tokens | stay | tokens after ÷ before | unknown |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "## How to load",
            "",
            "```python",
            "from transformers import AutoModel, AutoTokenizer  # or its class for a task: AutoModelForCausalLM, …",
            "",
            'tokenizer, model = AutoTokenizer.from_pretrained("DIR"), AutoModel.from_pretrained("DIR")',
            "```",
            "",
        ]
    )
