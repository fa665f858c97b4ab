"""Make a small multilingual masked language model, from an encoder or from nothing.

From an encoder: trim the vocabulary to the text, add a masked-language-model head tied to the embedding, and
train with the languages sampled evenly. From nothing: a WordPiece tokenizer and a BERT of a given shape. The result
is an ordinary Hugging Face folder in float16 with a model card of measured figures.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import BertConfig, BertForMaskedLM, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from neutral import models, vocabulary
from neutral.corpora import Corpus
from neutral.errors import NeutralError
from neutral.languages import language
from neutral.progress import bar, say
from neutral.tasks import LanguageModelling, Order, Score
from neutral.training import Recipe, memory_limit, train

_DROPOUT = (  # what configurations call it
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout", "embedding_dropout"),
    *("mlp_dropout", "resid_dropout", "activation_dropout"),
)
_POSITIONS = 512  # of a model made from nothing
PASSES = 3  # maskings of the held-out text that a final score averages over


@dataclass(frozen=True)
class Shape:
    """The shape of a BERT made from nothing. Raises `NeutralError`, naming the option, for one that cannot be."""

    layers: int = 6
    width: int = 256
    heads: int = 4
    feed_forward: int = 1024

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise NeutralError(f"--{name.replace('_', '-')} {value}: at least 1")
        if self.width % self.heads:
            raise NeutralError(f"--width {self.width}: is no multiple of --heads {self.heads}, which divide it")


def start(
    source: str | None,
    corpus: Corpus,
    size: int,
    folder: Path,
    shape: Shape,
    seed: int,
    *,
    length: int = 128,
    quiet: bool = False,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return the untrained masked language model and its tokenizer, both with `size` tokens at most.

    Dropout is off: training is one to a few passes over the text, where it costs time and helps little. A head that the
    encoder lacks is new, drawn from the seed, and what is drawn is said on standard error unless `quiet`. Raises
    `NeutralError` for an encoder that lacks more, and for what else `models.load` refuses.
    """
    set_seed(seed)
    if source is None:
        if length > _POSITIONS:
            raise NeutralError(f"--length {length}: a model made from nothing has {_POSITIONS} positions")
        tokenizer = vocabulary.train_wordpiece(corpus.train, size, folder)
        config = BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=shape.feed_forward,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            max_position_embeddings=_POSITIONS,
            pad_token_id=tokenizer.pad_token_id,
        )
        return BertForMaskedLM(config), tokenizer
    tokenizer = models.load_tokenizer(source)
    if models.stack(models.configuration(source)) != "encoder":
        raise NeutralError(f"--from {source}: is no encoder, and a masked language model is made from an encoder")
    if tokenizer.mask_token_id is None:
        raise NeutralError(f"--from {source}: its tokenizer has no mask token, such as [MASK]; take another encoder")
    _, poor = models.require_known(source, tokenizer, corpus.train)
    without = {name: 0.0 for name in _DROPOUT if hasattr(models.configuration(source), name)}
    loaded = models.load(source, "mlm", tokenizer=tokenizer, length=length, seed=seed, new_head=True, **without)
    say((*loaded.notes, *poor), quiet=quiet)
    tokenizer = vocabulary.trim(loaded.model, tokenizer, corpus.train, size)
    return loaded.model, tokenizer


def pretrain(
    source: str | None,
    corpus: Corpus,
    out: str | Path,
    *,
    size: int,
    recipe: Recipe,
    length: int = 128,
    mask_share: float = 0.15,
    shape: Shape | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> dict[str, tuple[Score, Score]]:
    """Train a masked language model on a corpus and save it as a Hugging Face folder.

    Checkpoints lie in `out`/checkpoints; a run that was stopped goes on from the last one.

    Parameters
    ----------
    source : str or None
        Hub id or folder of an encoder to trim and train; None makes a model from nothing.
    corpus : Corpus
    out : str or Path
        The folder of the model.
    size : int
        Tokens in the vocabulary, at most.
    recipe : Recipe
    length : int
        Tokens in a block.
    mask_share : float
        Share of the tokens that are masked in training.
    shape : Shape, optional
        Shape of a model made from nothing.

    Returns
    -------
    language -> (Score of the model, Score of the unigram model)

    Raises
    ------
    NeutralError
        If an unfinished run in `out` had other settings; for several languages of a model that reads each with parts
        of its own.
    """
    if not 0 < mask_share <= 1:
        raise NeutralError(f"--mask-share {mask_share:g}: a share of the tokens, above 0 and at most 1")
    out = Path(out)
    work = out / "checkpoints"
    settings = {"from": source, "size": size, "length": length, "mask_share": mask_share, "text": corpus.hashes}
    settings |= {"recipe": asdict(recipe)}
    _require_same(work / "asked.json", settings)
    began, place = time.monotonic(), models.device(device)
    with TemporaryDirectory() as folder:
        shape = shape or Shape()
        model, tokenizer = start(source, corpus, size, Path(folder), shape, recipe.seed, length=length, quiet=quiet)
    models.adapters.require_one(model, corpus.languages)
    say((*corpus.notes, *models.adapters.prepare(model, corpus.languages)), quiet=quiet)
    models.adapters.speak(model, corpus.languages[0])
    model.to(place)
    task = LanguageModelling("mlm", tokenizer, length=length, mask_share=mask_share)
    blocks = {code: task.blocks(lines) for code, lines in corpus.train.items()}
    for lines in corpus.held_out.values():
        task.blocks(lines)  # what it refuses, it refuses before the training
    work.mkdir(parents=True, exist_ok=True)
    (work / "asked.json").write_text(json.dumps(settings))
    order = Order(task, blocks, recipe.steps * recipe.batch_size, recipe.seed)
    advice = f"lower --batch and run the same command again, with {work} removed"
    with bar(recipe.steps, "step", quiet=quiet) as shown, memory_limit(advice):
        train(
            model,
            task,
            order,
            recipe,
            folder=work,
            checkpoints=500,
            tell=lambda step, _: shown.update(step - shown.n),
        )
    scores = measure(model, tokenizer, corpus, blocks, length)
    save(model, tokenizer, out)
    facts = settings | {
        "tokens": recipe.steps * recipe.batch_size * length,
        "hours": (time.monotonic() - began) / 3600,
        "device": str(place),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    (out / "README.md").write_text(card(facts, scores), encoding="utf-8")
    return scores


def measure(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    blocks: dict[str, torch.Tensor],
    length: int,
) -> dict[str, tuple[Score, Score]]:
    """Score the model and the unigram model of its training text on the held-out text, 15 % masked."""
    task = LanguageModelling("mlm", tokenizer, length=length)
    scores = {}
    for code, lines in corpus.held_out.items():
        held = task.blocks(lines)
        scores[code] = (
            task.evaluate(model, held, passes=PASSES),
            task.unigram(blocks[code], held, passes=PASSES),
        )
    return scores


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, out: Path) -> None:
    """Save as a Hugging Face folder in float16."""
    model.to(dtype=torch.float16).save_pretrained(out)
    tokenizer.save_pretrained(out)
    model.to(dtype=torch.float32)


def card(facts: dict, scores: dict[str, tuple[Score, Score]]) -> str:
    """Return the model card's measured part, in Markdown."""
    recipe = facts["recipe"]
    origin = Path(facts["from"]).name if facts["from"] else "nothing"
    rows = [
        f"| {code} {language(code).name} | {score.value:.1f} | {unigram.value:.0f} "
        f"| {unigram.value / score.value:.1f} | {score.count:,} |"
        for code, (score, unigram) in scores.items()
    ]
    return "\n".join(
        [
            "# A small multilingual masked language model",
            "",
            f"Made by `python -m neutral pretrain` from {origin}: {facts['size']:,} pieces, "
            f"{facts['parameters'] / 1e6:.1f} M parameters, float16.",
            "",
            "## Recipe",
            "",
            f"{recipe['steps']:,} steps of {recipe['batch_size']} × {facts['length']} tokens "
            f"({facts['tokens'] / 1e6:.1f} M tokens, languages sampled evenly), {facts['mask_share']:.0%} masked, "
            f"AdamW, peak rate {recipe['rate']:g} after {recipe['warmup']:.0%} warm-up, linear decay, "
            f"weight decay {recipe['decay']:g}, no dropout, seed {recipe['seed']}; "
            f"{facts['hours']:.1f} hours on {facts['device']} (the last run's, where it was resumed).",
            "",
            "## Perplexity on held-out text",
            "",
            f"15 % masked, the mean over {PASSES} maskings; beside the unigram model of the training text.",
            "",
            "| language | perplexity | unigram | unigram ÷ model | scored tokens |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


def _require_same(path: Path, settings: dict) -> None:
    """Refuse to go on from a checkpoint made with other settings."""
    if path.exists() and json.loads(path.read_text()) != json.loads(json.dumps(settings)):
        raise NeutralError(
            f"{path.parent}: holds an unfinished run with other settings; remove it or choose another --out"
        )
