"""A model's folder, looked at before anything in it is loaded: is it whole, and does it name its own files only?"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from safetensors import safe_open

from neutral.errors import NeutralError, described

_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_MOST = {"layers": 1000, "n_layer": 1000, "depth": 1000, "experts": 10_000}  # by the ends of a setting's name
_OTHERS = (".h5", ".onnx", ".msgpack", ".gguf", ".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".index")
_ADAPTER = "adapter_config.json"


def require(source: str | Path, *, gguf: object = None) -> Path | None:
    """Return the path of a model's folder; None for a hub id. `gguf` is the name of a GGUF file to load from.

    Raises `NeutralError` for a path that is no folder, an adapter, a file that is empty or cut, and an index that is
    broken or names files that lie elsewhere or are missing.
    """
    if not str(source).strip():
        raise NeutralError("--model: is empty; give a Hugging Face id or a folder")
    path = Path(source).expanduser()
    if not path.is_dir():
        if str(source).startswith((".", "/", "~")) or path.exists():
            gguf = f"; give its folder {path.parent}, and --gguf {path.name}" if path.suffix == ".gguf" else ""
            raise NeutralError(f"{source}: not a model folder (a folder with config.json and weights){gguf}")
        return None
    if (path / _ADAPTER).is_file():
        base = json_object(path / _ADAPTER).get("base_model_name_or_path") or "a model that it does not name"
        raise NeutralError(
            f"{source}: is an adapter (PEFT) of {base}, no whole model; merge it into that model with PEFT and give "
            "the folder of the result"
        )
    if (path / "config.json").is_file():
        _require_sizes(path / "config.json", json_object(path / "config.json"))
    if gguf:
        _require_gguf(path / str(gguf))
        return path
    for file in weights(path):
        _require_whole(file)
    return path


def weights(path: Path) -> list[Path]:
    """Return the files of weights that transformers takes in a folder; none if there are none.

    Raises `NeutralError` for an index that is broken, or names files that lie elsewhere or are missing.
    """
    first = next((path / name for name in _WEIGHTS if (path / name).is_file()), None)
    if first is None:
        return []
    return _shards(first) if first.suffix == ".json" else [first]


def require_weights(source: str | Path, path: Path) -> None:
    """Raise `NeutralError` for a folder without weights, naming what it has in their place."""
    if weights(path):
        return
    others = sorted(file.name for file in path.iterdir() if file.suffix in _OTHERS or file.name in _WEIGHTS)
    has = f"; it has {', '.join(others[:3])}{' …' if len(others) > 3 else ''}" if others else ""
    raise NeutralError(
        f"{source}: has no weights that can be read (model.safetensors, pytorch_model.bin){has}{gguf_of(path)}"
    )


def gguf_of(path: Path) -> str:
    """Return the advice to load from the GGUF file that a folder has; "" if it has none."""
    file = next(iter(sorted(path.glob("*.gguf"))), None)
    return f"; to load from {file.name}, give --gguf {file.name}" if file else ""


def _shards(index: Path) -> list[Path]:
    """Return the files that an index names."""
    names = json_object(index).get("weight_map")
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise NeutralError(f"{index}: is no index: it has no weight_map of names to files")
    if not isinstance(json_object(index).get("metadata"), dict):
        raise NeutralError(f"{index}: is no whole index: it has no metadata; copy or download it again")
    shards = []
    for name in sorted(set(names.values())):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise NeutralError(f"{index}: names a file outside its folder ({name[:80]!r}), so nothing is read")
        if not (index.parent / name).is_file():
            raise NeutralError(f"{index}: names {name[:80]!r}, which is missing; copy or download it")
        shards.append(index.parent / name)
    return shards


def _require_sizes(file: Path, settings: dict) -> None:
    """Raise `NeutralError` for so many layers that to build them would never end; for its text model's, too."""
    for name, value in settings.items():
        if isinstance(value, dict):
            _require_sizes(file, value)
        most = next((most for end, most in _MOST.items() if name.endswith(end)), None)
        if most and type(value) in (int, float) and value > most:
            raise NeutralError(f"{file}: {name} is {value:,}, and no model has more than {most:,}; is it right?")


def _require_whole(file: Path) -> None:
    """Look at a file of weights, once until it changes: a model of a hundred shards is asked for several times."""
    status = file.stat()
    _look(file, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _look(file: Path, size: int, _changed: int) -> None:
    """Raise `NeutralError` for a file of weights that is empty, or safetensors that are cut."""
    if not size:
        raise NeutralError(f"{file}: is empty; copy or download it again")
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, framework="pt"):
                pass
        except Exception as error:  # its own type, OSError, or whatever a damaged header leads to
            reason = " ".join(str(error).split())
            raise NeutralError(
                f"{file}: is cut or no safetensors file ({reason}); copy or download it again"
            ) from error
    elif _start(file, 2) != b"PK" and _start(file, 1) != b"\x80":  # torch's zip, and its older pickle
        raise NeutralError(f"{file}: is no file of weights; copy or download it again")


def _require_gguf(file: Path) -> None:
    if not file.is_file():
        raise NeutralError(f"{file}: no such file (--gguf)")
    if _start(file, 4) != b"GGUF" or file.stat().st_size < 24:
        raise NeutralError(f"{file}: is cut or no GGUF file; copy or download it again")


def _start(file: Path, size: int) -> bytes:
    with file.open("rb") as opened:
        return opened.read(size)


def json_object(file: Path) -> dict:
    """Return the object that a JSON file holds. Raises `NeutralError` naming it if it holds none."""
    try:
        text = file.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise NeutralError(
                f"{file}: begins with a byte order mark, which transformers does not read; save it as UTF-8 without one"
            )
        read = json.loads(text)
    except NeutralError:
        raise
    except Exception as error:  # of any type
        raise NeutralError(f"{file}: is no JSON: {described(error)}") from error
    if not isinstance(read, dict):
        raise NeutralError(f"{file}: holds no JSON object")
    return read
