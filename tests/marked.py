"""Studies in which every name that may come from outside carries markup, for tests of what pages make of it.

`MARK` has a picture, HTML, a link, emphasis, a colour, a formula, addresses, an emoji, an icon, code, an entity, a
place of a template and an arrow; it begins and ends with a word, so that its text is the same wherever it stands.
"""

import dataclasses
import json
import shutil
from itertools import combinations, permutations
from pathlib import Path

import pandas as pd
import synthetic

from neutral.compression import projection
from neutral.overlap import Counts

MARK = (
    "zq![i](http://127.0.0.1:9/x.png)<img src=//127.0.0.1:9/y.png><a href='http://e.x'>h</a>[l](http://e.x)**b**:red[r]"
    "$x$ www.e.x a@e.x :smile: :material/home: `c` &lt; %{x} a -> b_c"
)
NAME = "zq![i](x.png)<img src=x>[l](e.x)**b** :red[r]$x$ www.e.x a@e.x :smile: `c` &lt; %{x} z"
"""The same for a folder's name, or a part of a file's: without / and _."""
README = """# A *README*

![i](http://127.0.0.1:9/r.png) <img src="//127.0.0.1:9/s.png"> [l](http://127.0.0.1:9/) http://127.0.0.1:9/t www.e.x
a@e.x <http://127.0.0.1:9/u> ![r][d] [d] http:\\/\\/127.0.0.1 w&#119;w.e.x

[d]: http://127.0.0.1:9/v.png

```sh
neutral find "<b>" @x
```
"""
KNOWN = ("en", "fr", "de", "zh", "ru")
LAYERS = ["embeddings", "encoder 0", "encoder 1", "encoder 2"]
ABOUT = dict.fromkeys(("title", "model", "uri", "created"), MARK)
ABOUT |= {"notes": [MARK], "text": {"name": MARK, "hashes": {MARK: MARK}}, "versions": {MARK: MARK}}


def studies(folder: Path) -> Path:
    """Return a folder with `NAME` (marked members), `methods` (task and methods as well) and `tables`."""
    study = synthetic.transfers(
        synthetic.encoder_study(folder / "plain", (*KNOWN, "zz"), layers=3, seeds=(0,), readme=False),
        languages=(*KNOWN, "zz"),
        seeds=(0,),
    )
    study.extend("transfer", _crossed())
    study.extend("distance", [{"distance": MARK, "source": a, "target": b, "value": len(a + b)} for a, b in _pairs()])
    study.extend("retrieval", _inside("retrieval"))
    study.extend("representation", _inside("representation"))
    _marked(study.path, {"zz": MARK}, folder / NAME)
    _marked(study.path, {"zz": MARK, "magnitude": f"m{NAME}", "wanda": f"w{NAME}", "mlm": NAME}, folder / "methods")
    shutil.rmtree(study.path)
    tables = synthetic.compression_study(folder / "made", (*KNOWN, "zz"))
    marks = {"zz": MARK, "mixed": f"x{MARK}", "elu": MARK, "Zyyy": MARK, "top 100": MARK, "cola": MARK}
    marks |= {"autoencoder_linear_parameters_10_uniform": f"autoencoder_{NAME}_parameters_10_uniform"}
    _marked(tables.path, marks, folder / "tables")
    shutil.rmtree(tables.path)
    return folder


def _pairs():
    return combinations((*KNOWN, "zz"), 2)


def _crossed():
    """Runs of masks across tasks, and of the mask of a mixture."""
    row = {"method": "magnitude", "sparsity": 0.5, "seed": 0, "steps": 5, "loss": 0.0, "metric": "f1"}
    for task, source, value in (("ner", "de", 0.8), ("ner", "random", 0.1), (MARK, "de", 0.5), ("ner", "en+zz", 0.7)):
        yield {**row, "task": "ner", "source_task": task, "source": source, "target": "de", "value": value}
    for source in ("de", MARK):
        yield {**row, "task": MARK, "source_task": MARK, "source": source, "target": "de", "value": 0.5}


def _inside(kind):
    """Rows of states of the full model, every mask and the core; the last layer has a name of its own."""
    layers = [*LAYERS, f"encoder {MARK}"]
    for mask in ("full", "own", "core", *KNOWN, "zz"):
        row = {"task": "mlm", "method": "magnitude", "sparsity": 0.5, "seed": 0, "mask": mask, "sentences": 20}
        row |= {"method": "full", "sparsity": 0.0} if mask == "full" else {}
        for a, b in permutations((*KNOWN, "zz"), 2):
            row |= {"source": a, "target": b, "layers": layers}
            if kind == "retrieval":
                yield row | {"at1": [0.1, 0.2, 0.5, 0.3, 0.2], "at5": [0.2, 0.4, 0.7, 0.5, 0.4]}
            elif a < b:
                yield row | {"measure": "cka", "value": [0.1, 0.2, 0.5, 0.3, 0.2], "chance": [0.05] * 5}


def _marked(made: Path, marks: dict[str, str], to: Path) -> None:
    """Copy a study with `marks` (what stands there -> what is to stand) in its rows, counts and names of files."""
    (to / "counts").mkdir(parents=True)
    info = json.loads((made / "study.json").read_text())
    (to / "study.json").write_text(json.dumps(_put(info, marks) | ABOUT))
    rows = map(json.loads, (made / "results.jsonl").read_text().splitlines())
    (to / "results.jsonl").write_text("".join(json.dumps(_put(row, marks)) + "\n" for row in rows))
    for path in made.glob("counts/*.safetensors"):
        counts = Counts.load(path)
        members = tuple(_put(member, marks) for member in counts.members)
        tensors = (*counts.tensors[:-2], f"bert.encoder.layer.2.adapters.{MARK}.weight", f"bert.zq{MARK}.weight")
        name = "_".join(marks.get(part, part) for part in path.name.split("_"))
        dataclasses.replace(counts, members=members, tensors=tensors).save(to / "counts" / name)
    (to / "README.md").write_text(README)
    if info.get("about") == "compression":
        (to / "pictures").mkdir()
        values = {"id": 1, "piece": MARK, "script": MARK}
        rows = [[values.get(column, i) for column in projection.COLUMNS] for i in range(4)]
        table = pd.DataFrame(rows, columns=projection.COLUMNS)
        table.to_csv(to / "pictures" / f"tokens_{NAME}_bytes_10.csv.gz", index=False)


def _put(value: object, marks: dict[str, str]) -> object:
    if isinstance(value, dict):
        return {_put(key, marks): _put(each, marks) for key, each in value.items()}
    if isinstance(value, list):
        return [_put(each, marks) for each in value]
    if not isinstance(value, str):
        return value
    if value in marks:
        return marks[value]
    for plain, mark in marks.items():  # a member's ending, a mixture
        if plain == "zz" and (value.startswith("zz/") or value.endswith("+zz")):
            return value.replace("zz", mark)
    return value
