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
from neutral.association.simulation import LANGUAGES
from neutral.languages import language
from neutral.masks import Mask
from neutral.metrics import METRICS
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
        self.shapes, self.layers, self._known = names, layers, {}

    def importance(self, code, seed=""):
        """Name -> importance of each weight for a language; `pretrained` is that of the model alone."""
        if (code, seed) not in self._known:
            self._known[code, seed] = self._importance(code, seed)
        return self._known[code, seed]

    def _importance(self, code, seed, noise=0.05):
        found = {}
        for i, (name, shape) in enumerate(self.shapes.items()):
            depth = i // (len(self.shapes) // self.layers) / max(1, self.layers - 1)
            own = 0.15 + 0.35 * (2 * depth - 1) ** 2
            found[name] = np.abs(_draw(name, shape, "pretrained"))
            if code != "pretrained":
                family, branch = LANGUAGES.get(code, ("Unknown", "Unknown"))
                found[name] = (
                    found[name]
                    + own * np.abs(_draw(name, shape, family))
                    + own * np.abs(_draw(name, shape, branch))
                    + own * np.abs(_draw(name, shape, code))
                    + noise * np.abs(_draw(name, shape, f"{code}/{seed}"))
                )
        return found

    def mask(self, code, sparsity, seed=0, scope="global", **header):
        """The mask that drops the least important weights, of all (global) or of each output row."""
        scores = self.importance(code, seed)
        if scope == "row":
            kept = {n: s >= _row_quantiles(s, sparsity) for n, s in scores.items()}
        else:
            least = np.quantile(np.concatenate([s.ravel() for s in scores.values()]), sparsity)
            kept = {n: s >= least for n, s in scores.items()}
        return Mask.from_tensors(kept, language=code, sparsity=sparsity, **header)


def _row_quantiles(scores, sparsity):
    """The least of each row that is not below the row's quantile: `np.quantile` takes many times as long."""
    rank = int(np.ceil(sparsity * (scores.shape[1] - 1)))
    return np.partition(scores, rank, axis=1)[:, rank : rank + 1]


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


COMPRESSED = {
    "svd": (("parameters", "bytes"), ("uniform",), 0.16),
    "direction": (("parameters", "bytes"), ("uniform", "sqrt"), 0.14),
    "autoencoder": (("parameters",), ("uniform",), 0.15),
    "pq": (("bytes",), ("uniform",), 0.05),
    "mixed": (("bytes",), ("sqrt",), 0.03),
}
"""Method -> ways of counting, token weights, and cosine distance per doubling of the ratio."""


def compression_study(folder, languages=ELEVEN, model="tiny", tied=True):
    """A study of compressed tables: smooth curves in which a language suffers more the later it stands in `ELEVEN`."""
    study = Study.create(
        folder,
        {
            "about": "compression",
            "title": "Synthetic tables",
            "model": str(model),
            "task": "mlm",
            "languages": list(languages),
            "methods": [*COMPRESSED, "int8", "int4"],
            "vocabulary": 400,
            "width": 16,
            "tied": tied,
        },
    )
    rows = [
        {"kind": "perplexity", "method": "full", "ratio": 1.0, "by": "", "weights": "", "variant": "", "trimmed": False}
        | {"seed": 0, "language": code, "where": "full", "words": words, "value": _perplexity(code), "tokens": 1000}
        | {"loss": float(np.log(_perplexity(code)))}
        for code in languages
        for words in (False, True)
    ]
    for method, (ways, weights, slope) in COMPRESSED.items():
        for by in ways:
            for weight in weights:
                for ratio in (1.5, 2.5, 5.0, 10.0, 20.0):
                    cosine = (
                        slope * np.log2(ratio) * (1.2 if by == "parameters" else 1) * (0.9 if weight == "sqrt" else 1)
                    )
                    variants = ("", "elu") if method == "autoencoder" else ("",)
                    for i, variant in enumerate(variants):
                        key = {"method": method, "by": by, "ratio": ratio, "weights": weight, "variant": variant}
                        rows += _compressed(key, cosine * (1 + 0.1 * i), languages, tied)
    for method, ratio, cosine in (("int8", 3.97, 0.0002), ("int4", 7.53, 0.01)):
        key = {"method": method, "by": "bytes", "ratio": ratio, "weights": "uniform", "variant": ""}
        rows += _compressed(key, cosine, languages, tied)
    trimmed = {"weights": "uniform", "variant": "", "trimmed": True}
    rows += _compressed({"method": "trim", "by": "parameters", "ratio": 1.8, **trimmed}, 0.0, languages, tied)
    for ratio in (5.0, 10.0, 20.0):
        rows += _compressed({"method": "svd", "by": "bytes", "ratio": ratio, **trimmed}, 0.1, languages, tied)
    rows += _steps(languages)
    rows += [*_tuned("cola", "matthews", 0.5), *_tuned("stsb", "pearson", 0.8), *_tuned("stsb", "spearman", 0.78)]
    with open(study.path / "results.jsonl", "a", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return study


def _steps(languages):
    """Fits on the way, by parameters: 4 epochs of which the third is kept, and iterations under two seeds."""
    key = {"weights": "uniform", "trimmed": False, "by": "parameters"}
    full = {"method": "full", "variant": "", "weights": "", "by": "", "ratio": 1.0, "trimmed": False, "seed": 0}
    rows = [full | {"training": 3.0, "losses": dict.fromkeys(languages, 3.0)}]
    for method, variant, unit, seeds, steps in (
        ("autoencoder", "linear", "epoch", (0,), (1, 2, 3, 4)),
        ("svd", "randomized", "iterations", (0, 1), (1, 5)),
    ):
        for seed in seeds:
            for i, step in enumerate(steps):
                trained, held = 4.0 - 0.5 * min(i, 2) + 0.1 * (i == 3), 4.0 - 0.4 * i + 0.1 * seed
                errors = {"cosine": 0.5 - 0.1 * i, "rmse": 0.1, "mae": 0.08, "power": 0.2, "norm_ratio": 0.9}
                losses = {code: held + 0.1 * j for j, code in enumerate(languages)}
                rows.append(
                    {"method": method, "variant": variant, "ratio": 5.0, "seed": seed, "unit": unit, "step": step}
                    | {"chosen": i == min(2, len(steps) - 1), "training": trained, "losses": losses, **errors, **key}
                )
    return [{"kind": "step", **row} for row in rows]


def _tuned(task, metric, full):
    """Rows of models fine-tuned on a task, three seeds each; CoLA's keep 20 examples, of which ever fewer are right."""
    runs = [("full", "table", 0.0), ("svd_parameters_10_uniform", "factors", 0.1)]
    runs += [("svd_parameters_10_uniform", "none", 0.3), ("autoencoder_linear_parameters_10_uniform", "decoder", 0.2)]
    runs += [("autoencoder_linear_parameters_10_uniform", "factors", 0.05), ("int4_bytes_7.53_uniform", "none", 0.01)]
    for table, train, loss in runs:
        for seed in range(3):
            key = {"kind": "finetune", "data": task, "task": task, "table": table, "seed": seed, "train": train}
            wrong = int(20 * loss) + seed % 2
            true = [i % 2 for i in range(20)]
            given = [1 - value if i < wrong else value for i, value in enumerate(true)]
            parts = [[a * b for a, b in zip(given, true, strict=True)], given, true, [1] * 20]
            row = {**key, "steps": 100, "numbers": 0 if train == "none" else 6400, "split": "validation"}
            row |= {"metric": metric, "value": full - loss + 0.01 * seed, "loss": 0.5, "examples": 20}
            if task == "cola":
                row |= {"value": float(METRICS["matthews"].over(np.array(parts, dtype=float).T)), "parts": parts}
            yield row


def _compressed(key, cosine, languages, tied):
    """The rows of one compressed table: its sizes and errors, errors by group, perplexities."""
    key, ratio = {"trimmed": False, **key, "seed": 0}, key["ratio"]
    low_rank = key["method"] in ("svd", "direction", "autoencoder")
    rmse = 0.05 * cosine**0.5 * (0.9 if key["method"] == "svd" else 1.0)
    numbers = {"parameters": int(6400 / ratio), "bytes": int(25600 / ratio), "ratio_parameters": ratio}
    errors = {"cosine": cosine, "cosine_q10": 0.5 * cosine, "cosine_median": 0.9 * cosine, "cosine_q90": 1.5 * cosine}
    errors |= {"rmse": rmse, "mae": 0.8 * rmse, "power": rmse**0.6, "norm_ratio": 1 - cosine / 2}
    more = {"ratio_bytes": ratio * 1.01, "neighbours": float(np.exp(-3 * cosine)), "rank": int(40 / ratio) or 1}
    rows = [{"kind": "table", **key, **numbers, **errors, **more} | ({} if low_rank else {"rank": None})]
    by_group = {
        "language": {code: 1 + i / 10 for i, code in enumerate(languages)},
        "script": {"Latn": 0.9, "Cyrl": 1.0, "Arab": 1.2, "Deva": 1.3, "Hans": 1.4, "Zyyy": 0.7},
        "frequency": {"top 100": 0.5, "101–1,000": 0.8, "1,001–10,000": 1.0, "rarer": 1.2, "unseen": 1.3},
    }
    for group, parts in by_group.items():
        for name, factor in parts.items():
            mean = cosine * factor
            spread = {"cosine": mean, "low": 0.5 * mean, "median": 0.9 * mean, "high": 1.6 * mean}
            rows.append({"kind": "error", **key, "group": group, "name": name, "tokens": 60, **spread})
    for i, code in enumerate(languages):
        for where in ("input", "both") if tied else ("input",):
            for words in (False, True)[: 1 if key["trimmed"] else 2]:
                nats = 6 * cosine**2 * (1 + i / 5) * (1.5 if where == "both" else 1) * (1.2 if words else 1)
                loss = float(np.log(_perplexity(code)) + nats)
                said = {"language": code, "where": where, "words": words, "value": float(np.exp(loss)), "loss": loss}
                rows.append({"kind": "perplexity", **key, **said, "tokens": 1000})
    return rows


def transfers(study, sparsities=(0.3, 0.5), languages=ELEVEN, seeds=(0, 1), examples=20):
    """Runs of masks of sources on targets: the less two masks overlap, the higher the perplexity after training."""
    for sparsity in sparsities:
        overlap = study.counts("mlm", "magnitude", sparsity).matrix("jaccard")
        for seed in seeds:
            rows = []
            for target in languages:
                cost = {source: 4 * (1 - overlap.at[source, target]) for source in languages}
                cost |= {"reseeded 2": 0.1, "random": 4.0, "pretrained": 1.5, "core": 0.4, "vote": 0.3, "union": 0.5}
                if sparsity == sparsities[0]:
                    cost["full"] = -0.1
                for source, loss in cost.items():
                    draw = np.random.default_rng(list(f"{target}{seed}".encode()))  # the same examples for all
                    parts = (
                        3 + draw.random(examples) + loss + 0.02 * _draw("run", (examples,), f"{source}{target}{seed}")
                    )
                    full = source == "full"
                    rows.append(
                        {
                            "task": "mlm",
                            "source_task": "mlm",
                            "method": "full" if full else "magnitude",
                            "sparsity": 0.0 if full else sparsity,
                            "seed": seed,
                            "source": source,
                            "target": target,
                            "steps": 5,
                            "untrained": float(np.exp(parts.mean() + 2 * loss)),
                            "metric": "perplexity",
                            "value": float(np.exp(parts.mean())),
                            "loss": float(parts.mean()),
                            "tokens": examples,
                            "parts": [parts.round(4).tolist(), [1.0] * examples],
                        }
                    )
            study.extend("transfer", rows)
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
