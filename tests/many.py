"""A study of 128 languages for tests: random masks of a small network, drawn alike within families. No results."""

import numpy as np

from neutral import overlap
from neutral.languages import branches, language
from neutral.masks import Mask
from neutral.study import Study

_NAMES = """
    afr amh arb aze-Latn bak bel bem ben bod bos bul cat ces ckb-Arab cym dan deu div dzo ell eng eng-GB eng-IN eng-US
    est eus ewe fao fas fij fil fin fra fra-CA fuc gle glg guj hau heb hin hmn hrv hun hye ibo ind isl ita jpn kan kat
    kaz khm kin kir kmr kor lao lav lit ltz mal mar mey mkd mlg mlt mon mri msa mya nde nep nld nno nob nso nya orm pan
    pol por por-BR prs pus ron rus shi sin slk slv smo sna-Latn snd-Arab som spa spa-MX sqi srp-Cyrl srp-Latn ssw swa
    swe tah tam tat tel tgk-Cyrl tha tir ton tsn tuk tur uig ukr urd uzb ven vie wol xho yor yue zho-CN zho-TW zul
    """
CODES = tuple(_NAMES.split())
"""The languages of NTREX-128, as its files name them."""

_SHAPES = {
    "self_attn.q_proj": (16, 16),
    "self_attn.k_proj": (8, 16),
    "self_attn.v_proj": (8, 16),
    "self_attn.o_proj": (16, 16),
    "mlp.gate_proj": (32, 16),
    "mlp.up_proj": (32, 16),
    "mlp.down_proj": (16, 32),
}


def study(folder, codes=CODES, layers=3):
    """A study of counts and scores: wanda at 50 %, every third language's halves, the pretrained control."""
    shapes = {f"model.layers.{i}.{n}.weight": shape for i in range(layers) for n, shape in _SHAPES.items()}
    about = {"title": "Many languages", "model": "none", "task": "clm", "languages": list(codes), "methods": ["wanda"]}
    made = Study.create(folder, {**about, "seeds": [0], "text": {"name": "none", "hashes": {}}, "layers": layers})
    branch = branches(codes)
    draw = {
        what: np.random.default_rng(list(what.encode())).standard_normal(sum(a * b for a, b in shapes.values()))
        for what in ("pretrained", *codes, *branch.values(), *(language(code).family for code in codes))
    }

    def mask(code, half=""):
        score = np.abs(draw["pretrained"])
        if code != "pretrained":
            score = score + 0.5 * np.abs(draw[language(code).family]) + 0.5 * np.abs(draw[branch[code]])
            score = score + 0.6 * np.abs(draw[code])
        if half:
            score = score + 0.1 * np.random.default_rng(list(f"{code}{half}".encode())).standard_normal(len(score))
        kept = np.split(score >= np.median(score), np.cumsum([a * b for a, b in shapes.values()])[:-1])
        named = {n: k.reshape(s) for (n, s), k in zip(shapes.items(), kept, strict=True)}
        return Mask.from_tensors(named, language=code, sparsity=0.5)

    masks = {code: mask(code) for code in codes}
    _save(made, masks, "languages")
    _save(made, {**masks, "pretrained": mask("pretrained")}, "pretrained", exactly=False)
    halves = {f"{code}/{half}": mask(code, half) for code in codes[::3] for half in "ab"}
    _save(made, halves, "halves", exactly=False)
    made.extend("score", [row for i, code in enumerate(codes) for row in _scores(code, 20.0 + i)])
    return made


def _save(made, masks, kind, exactly=True):
    path = made.counts_path("clm", "wanda", 0.5, 0, kind)
    path.parent.mkdir(exist_ok=True)
    overlap.count(list(masks.values()), list(masks), exactly=exactly).save(path)


def _scores(code, value):
    row = {"task": "clm", "language": code, "seed": 0, "variant": "untrained", "steps": 0, "metric": "perplexity"}
    for method, sparsity, factor in (("full", 0.0, 1.0), ("wanda", 0.5, 1.6)):
        of = {"method": method, "sparsity": sparsity, "value": value * factor, "loss": float(np.log(value * factor))}
        yield {**row, **of, "tokens": 100}
