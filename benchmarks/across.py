"""Each language's mask in one study against its mask in another: how much of it other text of the language changes.

    python -m benchmarks.across STUDY OTHER [--sparsity 0.5]

Both studies keep masks of one method and sparsity. STUDY gets a row of kind "across" for every language that both have,
over the whole network and by layer: value is the Jaccard of the two masks, chance that of independent ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from neutral import maskfiles, overlap
from neutral.study import Study, at_sparsity


def across(study: Study, other: Study, sparsity: float) -> list[dict]:
    """Return the rows of all languages whose masks both studies keep."""
    one, two = (_masks(each, sparsity) for each in (study, other))
    rows = []
    for language in [code for code in study.info["languages"] if code in one and code in two]:
        counts = overlap.count([maskfiles.read(each[language]) for each in (one, two)], ["one", "two"], exactly=False)
        for by in ("all", "layer"):
            found, chance = counts.jaccard(by), counts.chance(by)
            rows += [
                {"language": language, "sparsity": sparsity, "other": other.path.name, "by": by, "group": row.group}
                | {"value": round(row.value, 6), "chance": round(expected, 6)}
                for row, expected in zip(found.itertuples(), chance["value"], strict=True)
            ]
    return rows


def _masks(study: Study, sparsity: float) -> dict[str, Path]:
    """Return language -> mask, of the whole text and the first seed."""
    index = study.masks_index()
    index = index[at_sparsity(index["sparsity"], sparsity) & (index["variant"] == "")].sort_values("seed")
    return dict(zip(index["language"][::-1], index["path"][::-1], strict=True))


def main() -> None:
    """Write the rows, and print their mean over the whole network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study")
    parser.add_argument("other")
    parser.add_argument("--sparsity", type=float, default=0.5)
    asked = parser.parse_args()
    study = Study(asked.study)
    rows = across(study, Study(asked.other), asked.sparsity)
    study.extend("across", rows)
    whole = [row["value"] for row in rows if row["by"] == "all"]
    print(f"{len(whole)} languages, mean {sum(whole) / max(len(whole), 1):.4f}")


if __name__ == "__main__":
    main()
