"""Study folders as a stranger, or a damaged disk, may leave them: for tests that each breaks only itself.

`hostile_studies(folder)` writes them all; each is a small study with one thing in it that does not belong there.
"""

import json
import os
import shutil
import zlib
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from neutral import overlap
from neutral.masks import Mask
from neutral.overlap import stored

DEEP = 100_000
MARKUP = "![x](http://127.0.0.1:9/x.png) <img src=x onerror=alert(1)> [link](http://127.0.0.1:9) $x^2$ :red[r]"
_WEIGHTS = {f"encoder.layer.{i}.output.dense.weight": (8, 8) for i in range(2)}
_COUNTS = "mlm_magnitude_0.50_s0_languages.safetensors"
_ROWS = [
    *({"kind": "score", **row} for row in [
        {"task": "mlm", "method": "full", "language": code, "sparsity": 0.0, "seed": 0, "variant": "trained",
         "steps": 4, "metric": "perplexity", "value": 12.5, "loss": 2.5, "tokens": 100}
        for code in ("en", "fr")
    ]),
    *({"kind": "score", **row} for row in [
        {"task": "mlm", "method": "magnitude", "language": code, "sparsity": 0.5, "seed": 0, "variant": "trained",
         "steps": 4, "metric": "perplexity", "value": 13.5, "loss": 2.6, "tokens": 100, "parts": [[2.6, 50], [2.6, 50]]}
        for code in ("en", "fr")
    ]),
    {"kind": "distance", "distance": "genetic", "source": "en", "target": "fr", "value": 0.8},
    {"kind": "retrieval", "task": "mlm", "method": "full", "sparsity": 0, "seed": 0, "mask": "full", "source": "en",
     "target": "fr", "layers": ["embeddings", "encoder 0"], "at1": [0.5, 0.6], "at5": [0.7, 0.8], "k": 4,
     "sentences": 10},
]  # fmt: skip


def sound(path: Path, **info: object) -> None:
    """A small study with nothing wrong in it, but for what `info` says."""
    about = {"title": "Sound", "model": "small", "task": "mlm", "languages": ["en", "fr"], "methods": ["magnitude"]}
    (path / "counts").mkdir(parents=True)
    text = {"name": "corpus", "hashes": {"en": "a" * 16, "fr": "b" * 16}}
    settings = {"magnitude": {"scope": "global", "sparsities": [0.5]}}
    entries = {**about, "seeds": [0], "length": 128, "text": text, "settings": settings, **info}
    (path / "study.json").write_text(json.dumps(entries))
    (path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in _ROWS))
    masks = [Mask.random(_WEIGHTS, 0.5, seed) for seed in (0, 1)]
    overlap.count(masks, ["en", "fr"]).save(path / "counts" / _COUNTS)
    (path / "README.md").write_text("# Sound\n")


def _info(**info):
    return lambda path: _remade(path, **info)


def _remade(path, **info):
    shutil.rmtree(path)
    sound(path, **info)


def _json(text):
    return lambda path: (path / "study.json").write_text(text)


def _row(line):
    """A line in the middle of the results."""
    text = line if isinstance(line, str) else json.dumps(line)

    def write(path):
        lines = (path / "results.jsonl").read_text().splitlines()
        (path / "results.jsonl").write_text("\n".join([*lines[:1], text, *lines[1:], ""]))

    return write


def _score(**fields):
    return _row({**_ROWS[2], **fields})


def _counts(change, members=("en", "fr"), header=None, *, before=False):
    """The counts with their arrays changed; `before`, as files with squares of pairs have them."""

    def write(path):
        masks = [Mask.random(_WEIGHTS, 0.5, seed) for seed in (0, 1)]
        counts = overlap.count(masks)
        arrays = {"sizes": counts.sizes, "exactly": counts.exactly.copy()}
        if before:
            arrays["both"] = counts.both.copy()
        else:
            arrays |= {"kept": counts.kept.copy(), "shared": stored._deflated(counts.shared)}
        change(arrays)
        about = {"members": members, "tensors": list(_WEIGHTS), "header": header or {}}
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        save_file(arrays, path / "counts" / _COUNTS, {"neutral_counts": json.dumps(about)})

    return write


def _asymmetric(arrays):
    arrays["both"][0, 0, 1] += 1


def _kept(value):
    return lambda arrays: arrays.update(kept=np.full_like(arrays["kept"], value))


def _shared(*numbers):
    return lambda arrays: arrays.update(shared=stored._deflated(np.array([numbers] * len(_WEIGHTS))))


def _packed(data):
    return lambda arrays: arrays.update(shared=np.frombuffer(data, np.uint8))


def _pairs(*pairs):
    def change(arrays):
        arrays["pairs"] = np.array(pairs)
        _shared(*[20] * len(pairs))(arrays)

    return change


def _both_forms(arrays):
    arrays["both"] = np.zeros((1, 2, 2), np.int64)


def _without(name):
    return lambda arrays: arrays.pop(name)


def _negative(arrays):
    arrays["both"][0] = -1


def _too_many(arrays):
    arrays["both"][0] = 65


def _not_exact(arrays):
    arrays["exactly"][0] = 0


def _huge_sizes(arrays):
    arrays["sizes"][:] = 2**62


def _empty_arrays(arrays):
    arrays["both"] = np.zeros((0, 5, 7), np.int64)


def _nothing(arrays):
    pass


def _instead(name, make):
    """Something else in place of a file of the study."""

    def write(path):
        place = path / name
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        make(place)

    return write


def _link(target):
    return lambda place: place.symlink_to(target)


def _bytes(data):
    return lambda place: place.write_bytes(data)


def _renamed_counts(name):
    return lambda path: (path / "counts" / _COUNTS).rename(path / "counts" / name)


def _secret(place):
    """A file outside of the study, that a link in it leads to."""
    secret = place.parent.parent / "secret.md"
    secret.write_text("SECRET of the server")
    place.symlink_to(secret)


def _other_study(place):
    """The counts of another study."""
    other = place.parent.parent.parent / f"beside-{place.parent.parent.name}.safetensors"
    masks = [Mask.random(_WEIGHTS, 0.5, seed) for seed in (0, 1)]
    overlap.count(masks, ["en", "fr"]).save(other)
    place.symlink_to(other)


AT_OPENING = {
    "json-deep": _json('{"title": ' + "[" * DEEP + "]" * DEEP + "}"),
    "json-deep-objects": _json('{"a":' * DEEP + "1" + "}" * DEEP),
    "json-nested-twenty": _info(settings={"magnitude": {"x": json.loads("[" * 20 + "]" * 20)}}),
    "json-latin-1": _instead("study.json", _bytes('{"title": "é"}'.encode("latin-1"))),
    "json-empty": _instead("study.json", _bytes(b"")),
    "json-list": _json("[]"),
    "json-nul": _instead("study.json", _bytes(b"\0" * 100)),
    "json-folder": _instead("study.json", lambda place: place.mkdir()),
    "json-fifo": _instead("study.json", os.mkfifo),
    "json-link": _instead("study.json", _secret),
    "json-device": _instead("study.json", _link("/dev/zero")),
    "json-loop": _instead("study.json", _link("study.json")),
    "json-twice": _json('{"title": "one", "title": "two"}'),
    "title-number": _info(title=5),
    "title-null": _info(title=None),
    "title-long": _info(title="a" * 1_000_000),
    "title-lines": _info(title="one\ntwo"),
    "title-surrogate": _json('{"title": "\\ud800"}'),
    "title-reversed": _info(title="a\u202ecba"),
    "model-list": _info(model=["a"]),
    "languages-text": _info(languages="en"),
    "languages-null": _info(languages=None),
    "languages-numbers": _info(languages=[1, 2]),
    "languages-line-end": _info(languages=["en", "\n"]),
    "languages-long": _info(languages=["en", "x" * 1_000_000]),
    "seeds-texts": _info(seeds=["0"]),
    "seeds-huge": _info(seeds=[10**400]),
    "prunable-text": _info(prunable="many"),
    "prunable-huge": _info(prunable=10**400),
    "prunable-digits": _json('{"prunable": ' + "9" * 5000 + "}"),
    "parameters-nan": _json('{"parameters": NaN}'),
    "layers-negative": _info(layers=-1),
    "text-list": _info(text=[]),
    "hashes-numbers": _info(text={"hashes": {"en": 5}}),
    "trained-on-list": _info(text={"hashes": {}, "trained_on": ["en"]}),
    "masks-list": _info(masks=["a" * 16]),
    "heads-text": _info(heads="a" * 16),
    "tested-numbers": _info(tested={"mlm": 5}),
    "tests-list": _info(tests=[1000]),
    "tokenizer-object": _info(tokenizer={}),
    "settings-text": _info(settings="global"),
    "settings-rounds-list": _info(settings={"magnitude": {"rounds": [0.5]}}),
    "settings-of-method-list": _info(settings={"magnitude": []}),
    "settings-recipe-text": _info(settings={"magnitude": {"recipe": "paper"}}),
    "settings-sparsity-five": _info(settings={"magnitude": {"sparsities": [5]}}),
    "tasks-list": _info(tasks=["ner"]),
    "unknown-list": _info(unknown=[0.5]),
    "notes-text": _info(notes="no list"),
    "inventory-null": _info(inventory={"magnitude": None}),
    "tied-text": _info(about="compression", tied="yes", vocabulary=5, width=5),
    "width-text": _info(about="compression", vocabulary=5, width="5"),
    "counts-named-sparsity": _renamed_counts("mlm_magnitude_7.50_s0_languages.safetensors"),
    "counts-named-seed": _renamed_counts("mlm_magnitude_0.50_s99999999999999999999_languages.safetensors"),
    "counts-named-lines": _renamed_counts("mlm_magni\ntude_0.50_s0_languages.safetensors"),
    "counts-folder-file": _instead("counts", _bytes(b"")),
    "counts-folder-link": _instead("counts", _link("/etc")),
}
"""Studies that cannot be opened: `Study` raises `FileError`."""

AT_RESULTS = {
    "row-deep": _row('{"kind": "score", "task": ' + "[" * DEEP + "]" * DEEP + "}"),
    "row-list": _row("[1, 2]"),
    "row-nul": _row("\0\0\0"),
    "row-value-text": _score(value="12"),
    "row-value-list": _score(value=[1]),
    "row-value-null": _score(value=None),
    "row-value-huge": _score(value=10**400),
    "row-value-negative": _score(value=-1.0),
    "row-sparsity-five": _score(sparsity=5),
    "row-sparsity-text": _score(sparsity="0.5"),
    "row-sparsity-nan": _score(sparsity=float("nan")),
    "row-seed-half": _score(seed=0.5),
    "row-language-number": _score(language=5),
    "row-language-null": _score(language=None),
    "row-language-line-end": _score(language="\n"),
    "row-language-surrogate": _row(json.dumps({**_ROWS[2], "language": "\ud800"})),
    "row-language-long": _score(language="x" * 1_000_000),
    "row-metric-object": _score(metric={}),
    "row-parts-uneven": _score(parts=[[1.0, 2], [1.0]]),
    "row-parts-texts": _score(parts=[["a"]]),
    "row-kind-list": _row({"kind": ["score"]}),
    "row-layers-uneven": _row({**_ROWS[5], "at1": [0.5]}),
    "row-at1-text": _row({**_ROWS[5], "at1": ["0.5", "0.6"]}),
    "row-distance-text": _row({**_ROWS[4], "value": "near"}),
    "results-folder": _instead("results.jsonl", lambda place: place.mkdir()),
    "results-fifo": _instead("results.jsonl", os.mkfifo),
    "results-link": _instead("results.jsonl", _secret),
    "results-device": _instead("results.jsonl", _link("/dev/zero")),
    "results-latin-1": _instead("results.jsonl", _bytes(b'{"kind": "\xe9"}\n{"kind": "x"}\n')),
}
"""Studies whose results cannot be read: they open, and reading a table raises `FileError`."""

LACKING = {
    "row-no-value": _row({key: value for key, value in _ROWS[2].items() if key != "value"}),
    "row-no-task": _row({key: value for key, value in _ROWS[2].items() if key != "task"}),
    "row-no-source": _row({key: value for key, value in _ROWS[4].items() if key != "source"}),
    "row-no-layers": _row({key: value for key, value in _ROWS[5].items() if key != "layers"}),
    "row-kind-only": _row({"kind": "score"}),
}
"""Studies with a row that lacks a field: `Study.whole_table`, which pages and commands read, raises `FileError`."""

AT_COUNTS = {
    "counts-asymmetric": _counts(_asymmetric, before=True),
    "counts-negative": _counts(_negative, before=True),
    "counts-too-many": _counts(_too_many, before=True),
    "counts-before-not-exact": _counts(_not_exact, before=True),
    "counts-before-huge-sizes": _counts(_huge_sizes, before=True),
    "counts-empty-arrays": _counts(_empty_arrays, before=True),
    "counts-not-exact": _counts(_not_exact),
    "counts-huge-sizes": _counts(_huge_sizes),
    "counts-kept-negative": _counts(_kept(-1)),
    "counts-kept-too-many": _counts(_kept(65)),
    "counts-kept-beyond-64-bits": _counts(lambda arrays: arrays.update(kept=np.full((2, 2), 2**64 - 1, np.uint64))),
    "counts-kept-reals": _counts(lambda arrays: arrays.update(kept=arrays["kept"].astype(np.float32))),
    "counts-kept-shape": _counts(lambda arrays: arrays.update(kept=np.zeros((2, 1), np.int64))),
    "counts-shared-too-many": _counts(_shared(60)),
    "counts-shared-too-few": _counts(lambda arrays: (_kept(40)(arrays), _shared(10)(arrays))),
    "counts-shared-more-numbers": _counts(_shared(20, 20, 20)),
    "counts-shared-no-numbers": _counts(_packed(zlib.compress(b""))),
    "counts-shared-no-stream": _counts(_packed(b"no stream")),
    "counts-shared-cut": _counts(_packed(zlib.compress(b"\x14\x14")[:-2])),
    "counts-shared-goes-on": _counts(_packed(zlib.compress(b"\x14\x14") + b"more")),
    "counts-shared-bomb": _counts(_packed(zlib.compress(bytes(10_000_000), 9))),
    "counts-pairs-of-one": _counts(_pairs((0, 0))),
    "counts-pairs-of-nobody": _counts(_pairs((0, 2))),
    "counts-pairs-turned": _counts(_pairs((1, 0))),
    "counts-pairs-negative": _counts(_pairs((-1, 1))),
    "counts-pairs-twice": _counts(_pairs((0, 1), (0, 1))),
    "counts-pairs-shape": _counts(_pairs(0, 1)),
    "counts-of-more-members-than-memory": _counts(
        lambda arrays: arrays.update(kept=np.zeros((2, 150_000), np.uint8)), members=[f"m{i}" for i in range(150_000)]
    ),
    "counts-both-forms": _counts(_both_forms),
    "counts-without-kept": _counts(_without("kept")),
    "counts-without-shared": _counts(_without("shared")),
    "counts-member-line-end": _counts(_nothing, members=("en", "\n")),
    "counts-member-twice": _counts(_nothing, members=("en", "en")),
    "counts-member-long": _counts(_nothing, members=("en", "x" * 1_000_000)),
    "counts-member-number": _counts(_nothing, members=("en", 5)),
    "counts-header-nested": _counts(_nothing, header={"model": {"a": []}}),
    "counts-empty": _instead(f"counts/{_COUNTS}", _bytes(b"")),
    "counts-noise": _instead(f"counts/{_COUNTS}", _bytes(bytes(range(256)))),
    "counts-header-deep": _instead(
        f"counts/{_COUNTS}", _bytes((2 * DEEP).to_bytes(8, "little") + b"[" * DEEP + b"]" * DEEP)
    ),
    "counts-folder": _instead(f"counts/{_COUNTS}", lambda place: place.mkdir()),
    "counts-fifo": _instead(f"counts/{_COUNTS}", os.mkfifo),
    "counts-link": _instead(f"counts/{_COUNTS}", _other_study),
}
"""Studies with a wrong file of counts: they open, and `Study.counts` raises `FileError`."""

AT_README = {
    "readme-latin-1": _instead("README.md", _bytes("Wörter".encode("latin-1"))),
    "readme-folder": _instead("README.md", lambda place: place.mkdir()),
    "readme-fifo": _instead("README.md", os.mkfifo),
    "readme-link": _instead("README.md", _secret),
    "readme-link-passwd": _instead("README.md", _link("/etc/passwd")),
    "readme-device": _instead("README.md", _link("/dev/zero")),
}
"""Studies with a README.md that is not shown: they open, and `Study.readme` raises `FileError`."""

SHOWN = {
    "markup-title": _info(title=MARKUP, model=MARKUP),
    "markup-languages": _info(languages=["en", "fr", MARKUP]),
    "markup-rows": _score(language=MARKUP),
    "markup-members": _counts(_nothing, members=("en", MARKUP)),
    "markup-readme": _instead("README.md", _bytes(MARKUP.encode())),
    "readme-huge": _instead("README.md", _bytes(b"word " * 1_000_000)),
    "readme-empty": _instead("README.md", _bytes(b"")),
    "results-empty": _instead("results.jsonl", _bytes(b"")),
    "results-infinite": _score(value=float("inf"), loss=float("nan")),
    "results-of-later-version": _row({"kind": "prophecy", "value": [1]}),
    "info-of-later-version": _info(prophecy={"a": [1]}),
    "counts-none": _instead("counts", lambda place: place.mkdir()),
    "languages-none": _info(languages=[], methods=[]),
}
"""Studies that are odd and not wrong: all of them is read."""

HOSTILE = {**AT_OPENING, **AT_RESULTS, **LACKING, **AT_COUNTS, **AT_README, **SHOWN}


def hostile_studies(folder: Path) -> list[str]:
    """Write every hostile study into `folder`, under its name; return the names."""
    for name in HOSTILE:
        hostile_study(folder, name)
    return list(HOSTILE)


def hostile_study(folder: Path, name: str) -> Path:
    """Write one hostile study; return its folder."""
    sound(folder / name)
    HOSTILE[name](folder / name)
    return folder / name
