"""The commands that are killed, and what they work on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LANGUAGES = ("de", "en", "es", "fr", "ru", "sw")
LINES = 60  # of a language


@dataclass(frozen=True)
class Case:
    """A command; `{out}` in its options is the folder that it works in."""

    name: str
    options: str
    begins_with: Path | None = None  # a study that the folder is a copy of
    share: int = 10  # of the kills, against the other commands' shares
    loses_a_worker: bool = False  # one of its workers is killed, and not the command

    def arguments(self, out: Path) -> list[str]:
        """Return the command line."""
        return [part.replace("{out}", str(out)) for part in self.options.split()]


def cases(folder: Path) -> Iterator[Case]:
    """Yield the commands, on the material in `folder`."""
    text = f"--text {folder}/text --device cpu --quiet"
    model = f"--model {folder}/model"
    trained = "--batch 2 --length 32 --held-out-blocks 4"
    lottery = f"{model} {text} {trained} --method magnitude --sparsity 0.4 --step 0.2 --steps 2"
    yield Case("find, lottery", f"find --study {{out}} {lottery} --languages en,sw --controls pretrained,shuffled")
    wanda = f"{model} {text} {trained} --method wanda --sparsity 0.3,0.5 --halves --blocks 4 --steps 1"
    yield Case("find, wanda", f"find --study {{out}} {wanda} --functional 0.5")
    moved = f"transfer --study {{out}} --masks {folder}/study {model} --text {folder}/text --quiet {trained}"
    moved += " --method wanda --targets en,sw --sources en,sw --steps 2"
    yield Case("transfer", f"{moved} --device cpu")
    yield Case("transfer on Ray", f"{moved} --engine ray", share=4)
    yield Case("transfer on Ray, a worker", f"{moved} --engine ray", share=4, loses_a_worker=True)
    study = folder / "study"
    yield Case("typology", "typology --study {out} --permutations 499 --quiet", study)
    inside = f"{model} --device cpu --quiet --sentences {folder}/text"
    yield Case("retrieve", f"retrieve --study {{out}} {inside} --masks full,each --method wanda", study)
    yield Case("represent", f"represent --study {{out}} {inside} --masks full,each --method wanda", study)
    smaller = f"{model} {text} --length 32 --held-out-blocks 4 --ratios 2.5 --keep"
    yield Case("compress", f"compress --study {{out}} {smaller}")
    tuned = f"{smaller} --methods svd,int8 --by parameters --finetune {folder}/labelled --finetune-steps 2"
    yield Case("compress, fine-tuned", f"compress --study {{out}} {tuned} --finetune-seeds 0,1")
    sizes = "--vocabulary 300 --steps 20 --batch 2 --length 32 --layers 1 --width 16 --heads 2 --feed-forward 32"
    yield Case("pretrain, from nothing", f"pretrain --out {{out}} {text} {sizes}")
    yield Case("pretrain, from an encoder", f"pretrain --out {{out}} {text} {sizes} --from {folder}/model")


def make_material(folder: Path) -> None:
    """Make the text, the model and the study of masks that the commands begin with."""
    sys.path.insert(0, str(ROOT / "tests"))
    import tiny

    from neutral.cli import main

    (folder / "text").mkdir()
    for code in LANGUAGES:
        lines = (ROOT / "data" / "sentences" / f"{code}.txt").read_text(encoding="utf-8").splitlines(True)[:LINES]
        (folder / "text" / f"{code}.txt").write_text("".join(lines), encoding="utf-8")
    tiny.saved(folder / "model", size=500, languages=LANGUAGES)
    (folder / "labelled").mkdir()
    for name, examples in (("train", 64), ("validation", 16)):
        rows = [f"{i % 2},{('rain was old', 'bread by night')[i % 2]}" for i in range(examples)]
        (folder / "labelled" / f"{name}.csv").write_text("\n".join(["label,text", *rows]), encoding="utf-8")
    command = (
        f"find --study {folder}/study --model {folder}/model --text {folder}/text --device cpu --quiet --length 32"
    )
    command += " --batch 2 --held-out-blocks 4 --method wanda --sparsity 0.5 --blocks 4 --steps 1 --controls pretrained"
    if main(command.split()):
        raise RuntimeError("the study of masks could not be made")
