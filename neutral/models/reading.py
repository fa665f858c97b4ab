"""What transformers reads from a hub id or a folder, with its many failures turned into one line."""

from __future__ import annotations

from pathlib import Path

from neutral.errors import NeutralError


def from_pretrained(loader: type, source: str | Path, **options: object):
    """Call `loader.from_pretrained`, turning its many failures into one line."""
    path = Path(source)
    if (str(source).startswith((".", "/", "~")) or path.exists()) and not path.expanduser().is_dir():
        raise NeutralError(f"{source}: not a model folder (a folder with config.json and weights)")
    try:
        return loader.from_pretrained(str(path.expanduser() if path.is_dir() else source), **options)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise NeutralError(f"{source}: cannot be loaded as {loader.__name__}: {reason}") from error
