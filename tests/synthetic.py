"""Studies for tests, made on the spot: masks of small layers whose overlap has a known structure.

Every weight has an importance: what the pretrained model gives it, what a family shares, what a language has
of its own (least in the middle layers), and a little noise by seed. Masks cut the least important. Nothing
here is a result.
"""

import json
from functools import lru_cache
from itertools import combinations

import numpy as np

from neutral import maskfiles, overlap
from neutral.languages import language
from neutral.masks import Mask
from neutral.study import Study

ELEVEN = ("en", "fr", "de", "zh", "ru", "es", "fa", "ur", "ar", "hi", "sw")
ENCODER = {
    "attention.self.query": (32, 32),
    "attention.self.key": (32, 32),
    "attention.self.value": (32, 32),
    "attention.output.dense": (32, 32),
    "intermediate.dense": (64, 32),
    "output.dense": (32, 64),
}
DECODER = {
    "self_attn.q_proj": (32, 24),
    "self_attn.k_proj": (8, 24),
    "self_attn.v_proj": (8, 24),
    "self_attn.o_proj": (24, 32),
    "mlp.gate_proj": (48, 24),
    "mlp.up_proj": (48, 24),
    "mlp.down_proj": (24, 48),
}


def shapes(layers=12, kind="encoder"):
    """Weight name -> shape of a small encoder or decoder."""
    if kind == "encoder":
        return {f"bert.encoder.layer.{i}.{n}.weight": s for i in range(layers) for n, s in ENCODER.items()}
    return {f"model.layers.{i}.{n}.weight": s for i in range(layers) for n, s in DECODER.items()}


class Model:
    """Importances of every weight for every language."""

    def __init__(self, names, layers):
        self.shapes, self.layers = names, layers

    def importance(self, code, seed="", noise=0.05):
        """Name -> importance of each weight for a language; `pretrained` is that of the model alone."""
        found = {}
        for i, (name, shape) in enumerate(self.shapes.items()):
            depth = i // (len(self.shapes) // self.layers) / max(1, self.layers - 1)
            own = 0.15 + 0.35 * (2 * depth - 1) ** 2
            found[name] = np.abs(_draw(name, shape, "pretrained"))
            if code != "pretrained":
                spoken = language(code)
                found[name] = (
                    found[name]
                    + own * np.abs(_draw(name, shape, spoken.family))
                    + own * np.abs(_draw(name, shape, spoken.branch))
                    + own * np.abs(_draw(name, shape, code))
                    + noise * np.abs(_draw(name, shape, f"{code}/{seed}"))
                )
        return found

    def mask(self, code, sparsity, seed=0, scope="global", **header):
        """The mask that drops the least important weights, of all (global) or of each output row."""
        scores = self.importance(code, seed)
        if scope == "row":
            kept = {n: s >= np.quantile(s, sparsity, axis=1, keepdims=True) for n, s in scores.items()}
        else:
            least = np.quantile(np.concatenate([s.ravel() for s in scores.values()]), sparsity)
            kept = {n: s >= least for n, s in scores.items()}
        return Mask.from_tensors(kept, language=code, sparsity=sparsity, **header)


@lru_cache(maxsize=4096)
def _draw(name, shape, what):
    return np.random.default_rng(list(f"{name}|{what}".encode())).standard_normal(shape)


def encoder_study(folder, languages=ELEVEN, layers=12, seeds=(0, 1), readme=True):
    """A study with everything: tickets under two seeds, wanda with halves, random, controls, scores, masks."""
    model = Model(shapes(layers), layers)
    study = _create(folder, "Synthetic encoder", "mlm", languages, ["magnitude", "wanda", "random"], model, seeds)
    for sparsity in (0.1, 0.2, 0.3, 0.4, 0.5):
        by_seed = {
            seed: {c: model.mask(c, sparsity, seed) for c in (languages if seed == 0 else languages[:4])}
            for seed in seeds
        }
        for seed, masks in by_seed.items():
            _counts(study, masks, "mlm", "magnitude", sparsity, seed)
            reference = model.mask("pretrained", sparsity)
            _counts(study, {**masks, "pretrained": reference}, "mlm", "magnitude", sparsity, seed, "pretrained")
            changed = {c: m ^ reference for c, m in masks.items()}
            _counts(study, changed, "mlm", "magnitude", sparsity, seed, "beyond")
            shuffled = {c: m.shuffled(1) for c, m in masks.items()}
            _counts(study, shuffled, "mlm", "magnitude", sparsity, seed, "shuffled")
        runs = {f"{c}/{seed}": masks[c] for c in languages[:4] for seed, masks in by_seed.items() if c in masks}
        if len(seeds) > 1:
            _counts(study, runs, "mlm", "magnitude", sparsity, 0, "seeds")
        if sparsity == 0.5:
            for code, mask in by_seed[0].items():
                maskfiles.write(mask, study.mask_path("mlm", "magnitude", sparsity, 0, code))
            _functional(study, "mlm", "magnitude", sparsity, languages)
    for sparsity in (0.1, 0.3, 0.5, 0.7, 0.9):
        _wanda(study, model, "mlm", sparsity, languages)
        drawn = {c: Mask.random(model.shapes, sparsity, i) for i, c in enumerate(languages)}
        _counts(study, drawn, "mlm", "random", sparsity)
    for method, sparsities, trained in (
        ("magnitude", (0.1, 0.2, 0.3, 0.4, 0.5), "trained"),
        ("random", (0.1, 0.3, 0.5, 0.7, 0.9), "trained"),
        ("wanda", (0.1, 0.3, 0.5, 0.7, 0.9), "untrained"),
    ):
        _scores(study, "mlm", method, sparsities, languages, trained)
    if readme:
        (study.path / "README.md").write_text("# Synthetic encoder\n\nMade for tests; *no results*.\n")
    return study


def decoder_study(folder, languages=ELEVEN, layers=18):
    """A study of counts only: wanda at three sparsities, halves, the pretrained control, one functional check."""
    model = Model(shapes(layers, "decoder"), layers)
    study = _create(folder, "Synthetic decoder", "clm", languages, ["wanda"], model, (0,))
    for sparsity in (0.3, 0.5, 0.7):
        _wanda(study, model, "clm", sparsity, languages)
    _functional(study, "clm", "wanda", 0.5, languages)
    _scores(study, "clm", "wanda", (0.3, 0.5, 0.7), languages, "untrained")
    return study


def two_language_study(folder):
    """The least that a user may have: two languages, one sparsity, no scores, no controls."""
    model = Model(shapes(2), 2)
    study = _create(folder, "Two languages", "mlm", ("en", "it"), ["magnitude"], model, (0,))
    _counts(study, {c: model.mask(c, 0.5) for c in ("en", "it")}, "mlm", "magnitude", 0.5)
    return study


def _create(folder, title, task, languages, methods, model, seeds):
    return Study.create(
        folder,
        {
            "title": title,
            "model": title.lower().replace(" ", "-"),
            "task": task,
            "languages": list(languages),
            "methods": methods,
            "seeds": list(seeds),
            "text": {"name": "none", "hashes": {}},
            "prunable": sum(a * b for a, b in model.shapes.values()),
            "parameters": 2 * sum(a * b for a, b in model.shapes.values()),
            "layers": model.layers,
            "created": "2026-01-01",
            "versions": {"neutral": "0"},
        },
    )


def _wanda(study, model, task, sparsity, languages):
    masks = {c: model.mask(c, sparsity, "wanda", "row") for c in languages}
    _counts(study, masks, task, "wanda", sparsity)
    reference = model.mask("pretrained", sparsity, scope="row")
    _counts(study, {**masks, "pretrained": reference}, task, "wanda", sparsity, 0, "pretrained")
    _counts(study, {c: m ^ reference for c, m in masks.items()}, task, "wanda", sparsity, 0, "beyond")
    halves = {f"{c}/{h}": model.mask(c, sparsity, h, "row") for c in languages for h in "ab"}
    _counts(study, halves, task, "wanda", sparsity, 0, "halves")


def _counts(study, masks, task, method, sparsity, seed=0, kind="languages"):
    counts = overlap.count(list(masks.values()), list(masks))
    counts.save(study.counts_path(task, method, sparsity, seed, kind))


def _perplexity(code):
    return 20 + 7.0 * (ELEVEN.index(code) if code in ELEVEN else 5)


def _append(study, kind, value, **row):
    # Not `Study.append`: it waits for the disk after every line.
    found = {"kind": kind, **row, "metric": "perplexity", "value": value, "loss": float(np.log(value)), "tokens": 1000}
    with open(study.path / "results.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")


def _scores(study, task, method, sparsities, languages, variant):
    if not study.has("score", method="full", variant=variant):
        for code in languages:
            row = {"task": task, "method": "full", "language": code, "sparsity": 0.0, "seed": 0}
            _append(study, "score", _perplexity(code), variant=variant, steps=0, **row)
    worse = {"magnitude": 0.3, "wanda": 2.0, "random": 4.0}[method]
    for i, code in enumerate(languages):
        for sparsity in sparsities:
            value = _perplexity(code) * float(np.exp(worse * sparsity**2 * (1 + i / 20)))
            row = {"task": task, "method": method, "language": code, "sparsity": sparsity, "seed": 0}
            _append(study, "score", value, variant=variant, steps=0, **row)


def _functional(study, task, method, sparsity, languages):
    row = {"task": task, "method": method, "sparsity": sparsity, "seed": 0}
    for target in languages:
        for source, factor in (("full", 0.8), ("pretrained", 1.4), ("random", 60.0)):
            _append(study, "functional", _perplexity(target) * factor, source=source, target=target, **row)
        _append(study, "functional", _perplexity(target), source=target, target=target, **row)
    for a, b in combinations(languages, 2):
        factor = 1.05 if language(a).family == language(b).family else 1.3
        for source, target in ((a, b), (b, a)):
            _append(study, "functional", _perplexity(target) * factor, source=source, target=target, **row)
