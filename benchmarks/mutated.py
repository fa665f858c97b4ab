"""What is damaged: a small sound file of every kind that is read, with what reads it and uses what was read."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import math
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks import mutators
from benchmarks.counts import squares
from benchmarks.mutators import Mutator
from neutral import compression, corpora, maskfiles, overlap
from neutral.compression import projection
from neutral.masks import Mask
from neutral.study import Study
from neutral.tasks import data, glue, squad

SHAPES = {f"encoder.layer.{i}.{part}.weight": (6, 5) for i in range(2) for part in ("output.dense", "attention.query")}
LANGUAGES = ("en", "fr")


@dataclass(frozen=True)
class Kind:
    """A kind of file: sound files by their names, which of them are damaged and how, and what reads the folder.

    `read` takes the folder and raises `NeutralError`. `reads_many` takes many files at once and returns what was wrong
    with each, "" for nothing; it is there where to read takes a process of its own.
    """

    name: str
    files: dict[str, bytes]
    damaged: tuple[str, ...]
    ways: tuple[Mutator, ...]
    read: Callable[[Path], object]
    many: bool = False


def kinds() -> list[Kind]:
    """Return all kinds."""
    return [*_masks(), *_shards(), *_counts(), *_tables(), _picture(), *_studies(), *_labelled(), *_texts(), *_sets()]


def _arrays() -> dict[str, np.ndarray]:
    return {name: Mask.random(SHAPES, 0.5, 0).array(name) for name in SHAPES}


def _saved(value: object, **options: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def _masks() -> list[Kind]:
    from safetensors.numpy import save

    arrays = _arrays()
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    nested = {"masks": {code: {"encoder": tensors} for code in LANGUAGES}}
    npz = io.BytesIO()
    np.savez_compressed(npz, **arrays)
    packed = io.BytesIO()
    maskfiles.safetensor.write_packed(Mask.random(SHAPES, 0.5, 0, language="en"), packed)
    legacy = {"_use_new_zipfile_serialization": False}
    zipped = io.BytesIO()
    import zipfile

    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("en/mask.npz", npz.getvalue())
        archive.writestr("fr/mask.safetensors", save(arrays))
    by_bytes, by_member = (mutators.any_bytes,), (mutators.any_bytes, mutators.member)
    files = {
        "masks packed": ("en.safetensors", packed.getvalue(), (mutators.any_bytes, mutators.header), False),
        "masks safetensors": ("en.safetensors", save(arrays), (mutators.any_bytes, mutators.header), False),
        "masks npz": ("en.npz", npz.getvalue(), by_member, False),
        "masks zip": ("masks.zip", zipped.getvalue(), by_member, False),
        "masks torch": ("en.pt", _saved(tensors), by_member, True),
        "masks torch legacy": ("en.bin", _saved(tensors, **legacy), by_bytes, True),
        "masks torch nested": ("masks.pt", _saved(nested), by_member, True),
        "masks torch sparse": (
            "en.pt",
            _saved({n: t.float().to_sparse() for n, t in tensors.items()}),
            by_member,
            True,
        ),
        "masks pickle": ("en.pkl", pickle.dumps(arrays), by_bytes, True),
    }
    return [
        Kind(kind, {name: content}, (name,), ways, _read_masks, many)
        for kind, (name, content, ways, many) in files.items()
    ]


def _read_masks(folder: Path) -> None:
    for one in maskfiles.readings(sorted(path for path in folder.iterdir() if path.is_file())):
        use_mask(one)


def use_mask(one: maskfiles.Reading) -> None:
    """Use a mask as the page does; raise its problem."""
    from neutral.errors import FileError

    if one.mask is None:
        raise FileError(one.file, one.problem.removeprefix(f"{one.file}: "))
    assert one.name
    assert 0 <= one.mask.kept <= one.mask.size == sum(map(math.prod, one.mask.shapes.values()))
    for name in one.mask.names:
        assert one.mask.array(name).shape == one.mask.shapes[name]
    json.dumps(one.mask.header)
    overlap.count([one.mask, one.mask], ["a", "b"]).jaccard(by="layer")


def _shards() -> list[Kind]:
    from safetensors.numpy import save

    arrays, names = _arrays(), ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    halves = [dict(list(arrays.items())[:2]), dict(list(arrays.items())[2:])]
    files = {name: save(half) for name, half in zip(names, halves, strict=True)}
    where = {key: name for name, half in zip(names, halves, strict=True) for key in half}
    index = "model.safetensors.index.json"
    files[index] = json.dumps({"metadata": {"total_size": 120}, "weight_map": where}).encode()
    by_json = (mutators.any_bytes, mutators.json_value)
    return [
        Kind("masks index", files, (index,), by_json, lambda folder: _each([folder])),
        Kind("masks shard", files, names, (mutators.any_bytes, mutators.header), lambda folder: _each([folder])),
    ]


def _each(paths: list[Path]) -> None:
    for one in maskfiles.readings(paths):
        use_mask(one)


def _saved_by(save: Callable[[Path], object], name: str) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def _count_bytes() -> bytes:
    masks = [Mask.random(SHAPES, 0.5, seed, task="mlm") for seed in range(2)]
    return _saved_by(overlap.count(masks, LANGUAGES).save, "counts.safetensors")


def _pair_bytes() -> bytes:
    """Counts of some pairs only."""
    masks = [Mask.random(SHAPES, 0.5, seed, task="mlm") for seed in range(4)]
    names = [f"{code}/{half}" for code in LANGUAGES for half in "ab"]
    return _saved_by(overlap.count(masks, names, pairs=overlap.meant("halves", names)).save, "counts.safetensors")


def _square_bytes() -> bytes:
    """Counts as older versions wrote them."""
    return squares(overlap.count([Mask.random(SHAPES, 0.5, seed) for seed in range(2)], LANGUAGES))


def _counts() -> list[Kind]:
    ways, name = (mutators.any_bytes, mutators.header), "counts.safetensors"
    made = {"counts": _count_bytes(), "counts of pairs": _pair_bytes(), "counts with squares": _square_bytes()}
    return [Kind(kind, {name: data}, (name,), ways, _read_counts) for kind, data in made.items()]


def _read_counts(folder: Path) -> None:
    use_counts(overlap.Counts.load(folder / "counts.safetensors"))


def use_counts(counts: overlap.Counts) -> None:
    """Take every measure of counts."""
    for measure in overlap.MEASURES:
        counts.measure(measure, "layer")
    counts.sparsity("component")
    if counts.exactly is not None:
        counts.core()


def _tables() -> list[Kind]:
    matrix = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))
    made = {
        "svd": compression.fit(matrix, "svd", ratio=4.0),
        "direction": compression.fit(matrix, "direction", ratio=4.0, by="bytes"),
        "int8": compression.fit(matrix, "int8", ratio=3.0, by="bytes"),
        "mixed": compression.fit(matrix, "mixed", ratio=2.0, by="bytes"),
        "pq": compression.fit(matrix, "pq", ratio=2.0, by="bytes"),
    }
    ways = (mutators.any_bytes, mutators.header)
    name = "table.safetensors"
    return [
        Kind(f"table {method}", {name: _saved_by(table.save, name)}, (name,), ways, _read_table)
        for method, table in made.items()
    ]


def _read_table(folder: Path) -> None:
    table = compression.load(folder / "table.safetensors")
    assert table.matrix().shape == table.shape
    assert table.bytes > 0


def _picture() -> Kind:
    places = {name: np.arange(5.0) for name in projection.COLUMNS if name[-1] in "xy"}
    table = pd.DataFrame({"id": range(5), "piece": list("abcde"), "script": ["Latn"] * 5, **places})[projection.COLUMNS]
    name = "tokens.csv.gz"
    data = gzip.compress(table.to_csv(index=False).encode())
    return Kind(
        "picture",
        {name: data},
        (name,),
        (mutators.any_bytes, mutators.packed),
        lambda f: projection.read_projection(f / name),
    )


def _studies() -> list[Kind]:
    import tempfile

    from tests.hostile import sound

    with tempfile.TemporaryDirectory() as folder:
        sound(Path(folder) / "s")
        files = {
            str(p.relative_to(Path(folder) / "s")): p.read_bytes()
            for p in sorted((Path(folder) / "s").rglob("*"))
            if p.is_file()
        }
    (counts,) = (name for name in files if name.startswith("counts/"))
    by_json = (mutators.any_bytes, mutators.json_value, mutators.json_value)
    return [
        Kind("study study.json", files, ("study.json",), by_json, _read_study),
        Kind("study results.jsonl", files, ("results.jsonl",), (mutators.json_line,), _read_study),
        Kind("study README.md", files, ("README.md",), (mutators.any_bytes,), _read_study),
        Kind("study counts", files, (counts,), (mutators.any_bytes, mutators.header), _read_study),
    ]


def _read_study(folder: Path) -> None:
    study = Study(folder)
    for kind in dict.fromkeys(row["kind"] for row in study.rows()):
        study.whole_table(kind)
    study.settings("mlm", "magnitude")
    json.dumps(study.info, ensure_ascii=False).encode()
    (study.readme or "").encode()
    for row in study.counts_index().itertuples():
        use_counts(study.counts(row.task, row.method, row.sparsity, row.seed, row.kind))


def _labelled() -> list[Kind]:
    conll = "\n".join(f"Anna B-PER\nlives O\nin O\nParis{i} B-LOC\n" for i in range(8)).encode()
    rows = [
        {"premise": f"a man {i}", "hypothesis": f"someone {i}", "label": ("entailment", "neutral")[i % 2]}
        for i in range(12)
    ]
    table = pd.DataFrame(rows)
    parquet = io.BytesIO()
    table.to_parquet(parquet)
    forms = {
        "conll": ("ner", "train.conll", conll, (mutators.any_bytes,)),
        "csv": ("nli", "train.csv", table.to_csv(index=False).encode(), (mutators.any_bytes,)),
        "tsv": ("nli", "train.tsv", table.to_csv(index=False, sep="\t").encode(), (mutators.any_bytes,)),
        "jsonl": (
            "nli",
            "train.jsonl",
            table.to_json(orient="records", lines=True).encode(),
            (mutators.any_bytes, mutators.json_line),
        ),
        "json": (
            "nli",
            "train.json",
            table.to_json(orient="records").encode(),
            (mutators.any_bytes, mutators.json_value),
        ),
        "parquet": ("nli", "train.parquet", parquet.getvalue(), (mutators.any_bytes,)),
    }
    return [
        Kind(f"data {form}", {f"{code}/{name}": content for code in LANGUAGES}, (f"en/{name}",), ways, _reader(task))
        for form, (task, name, content, ways) in forms.items()
    ]


def _texts() -> list[Kind]:
    text = "".join(f"This is line {i}.\n" for i in range(30)).encode()
    forms = {
        "text": ("en.txt", text),
        "text gz": ("en.txt.gz", gzip.compress(text)),
        "text xz": ("en.txt.xz", lzma.compress(text)),
    }
    return [
        Kind(
            form,
            {name: content, "fr.txt": text},
            (name,),
            (mutators.any_bytes, *([] if form == "text" else [mutators.packed])),
            _reader("mlm"),
        )
        for form, (name, content) in forms.items()
    ]


def _reader(task: str) -> Callable[[Path], object]:
    def read(folder: Path) -> None:
        corpus = data.load(task, folder)
        assert all(corpus.train.values())
        corpora.digest([repr(item) for item in corpus.train["en"]])
        json.dumps(corpus.notes, ensure_ascii=False).encode()

    return read


def _sets() -> list[Kind]:
    rows = "".join(json.dumps({"sentence": f"good {i}", "label": i % 2}) + "\n" for i in range(8)).encode()
    question = {"question": "Who?", "id": "1", "answers": [{"text": "Anna", "answer_start": 0}]}
    articles = {"data": [{"paragraphs": [{"context": "Anna sings.", "qas": [question] * 3}]}]}
    text = json.dumps(articles).encode()
    by_line, by_json = (mutators.any_bytes, mutators.json_line), (mutators.any_bytes, mutators.json_value)
    return [
        Kind(
            "glue",
            {"train.jsonl": rows, "validation.jsonl": rows},
            ("train.jsonl",),
            by_line,
            lambda f: glue.read("sst2", f),
        ),
        Kind("squad", {"train.json": text, "validation.json": text}, ("train.json",), by_json, squad.read),
    ]
