"""Tiny real models and texts, made on the spot, for tests of everything that trains."""

from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

from neutral import corpora, vocabulary

SENTENCES = Path(__file__).parent.parent / "data" / "sentences"
SHAPES = {
    "bert": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32},
    "xlm-roberta": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
    },
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_inner": 32},
    "llama": {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "intermediate_size": 32,
    },
    "mt5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2},
}
_HEADS = {"gpt2": AutoModelForCausalLM, "llama": AutoModelForCausalLM, "mt5": AutoModelForSeq2SeqLM}


def text(languages=("en", "sw"), lines=60):
    """A corpus of the first sentences."""
    full = corpora.load(SENTENCES, list(languages))
    return corpora.Corpus(
        "sentences",
        {code: rows[:lines] for code, rows in full.train.items()},
        {code: rows[:20] for code, rows in full.held_out.items()},
        full.hashes,
    )


def model(kind="bert", size=400, seed=0, **options):
    """A randomly initialised model of a kind."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(kind, vocab_size=size, **SHAPES[kind], **options)
    return _HEADS.get(kind, AutoModelForMaskedLM).from_config(config)


def saved(folder, kind="bert", size=400, languages=("en", "sw")):
    """Save a tiny model with a WordPiece tokenizer of its own in `folder`, and return the folder."""
    tokenizer = vocabulary.train_wordpiece(text(languages).train, size)
    if kind in ("gpt2", "llama", "mt5"):
        tokenizer.bos_token, tokenizer.eos_token = "[CLS]", "[SEP]"
    tokenizer.save_pretrained(folder)
    model(kind, len(tokenizer), pad_token_id=0).save_pretrained(folder)
    return folder


def labelled(folder, task, languages=("en", "sw"), lines=40):
    """Write labelled data by language, easy to tell: capitals are names, a text entails itself; return the folder."""
    corpus = text(languages, lines)
    for code in languages:
        (folder / code).mkdir(parents=True)
        for name, rows in (("train", corpus.train[code]), ("validation", corpus.held_out[code])):
            write = _inference if task == "nli" else _capitals
            write(folder / code / name, rows)
    return folder


def _capitals(path, rows):
    sentences = [[f"{word} {'B-CAP' if word[0].isupper() else 'O'}" for word in row.split()] for row in rows]
    path.with_suffix(".conll").write_text("\n\n".join(map("\n".join, sentences)), encoding="utf-8")


def _inference(path, rows):
    pairs = [f"{row}\t{row}\tyes" if i % 2 else f"{row}\t{rows[i - 1]}\tno" for i, row in enumerate(rows)]
    path.with_suffix(".tsv").write_text("\n".join(["premise\thypothesis\tlabel", *pairs]), encoding="utf-8")
