"""Whatever a reader of foreign bytes raises is one line about the file, by construction (errors.reading)."""

import gzip
import json
import os
import pickle

import numpy as np
import pytest
import torch
from maskbytes import npz_bytes, plain_header, safetensors_bytes, torch_bytes
from safetensors.numpy import save_file

from neutral import compression, maskfiles
from neutral.compression import checkpoint, projection
from neutral.corpora import textfiles
from neutral.errors import FileError, MismatchError, NeutralError, is_one_line, one_line, reading
from neutral.overlap import Counts
from neutral.tasks import records, splits


class OddError(Exception):
    """An error that no list of types has."""


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OddError("first\nsecond"), "f: cannot be read as a thing: first (OddError)"),
        (KeyError("both"), "f: cannot be read as a thing: 'both' (KeyError)"),
        (OverflowError(), "f: cannot be read as a thing: (OverflowError)"),
        (ValueError("a\x1b[31m\ud800"), "f: cannot be read as a thing: a [31m\\ud800 (ValueError)"),
        (OSError(13, "Permission denied"), "f: cannot be read: Permission denied"),
        (gzip.BadGzipFile("Not a gzipped file"), "f: cannot be read as a thing: Not a gzipped file (BadGzipFile)"),
        (FileNotFoundError(2, "No such file"), "f: no such file"),
        (MemoryError(), "f: needs more memory than there is"),
        (RecursionError("maximum"), "f: is nested too deep to be read"),
        (MismatchError("two things differ"), "f: two things differ"),
        (FileError("other", "is wrong"), "other: is wrong"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_any_error_is_one_line_about_the_file(raised, said):
    with pytest.raises(FileError) as error, reading("f", "a thing"):
        raise raised
    assert str(error.value) == said
    assert is_one_line(str(error.value))


def test_a_long_message_is_cut_and_an_interrupt_passes():
    with pytest.raises(FileError) as error, reading("f", "a thing"):
        raise OddError("x" * 10_000)
    assert len(str(error.value)) < 300
    with pytest.raises(KeyboardInterrupt), reading("f", "a thing"):
        raise KeyboardInterrupt


def test_what_a_file_makes_a_message_long_with_is_cut():
    assert len(str(FileError("f", "x" * 100_000))) < 2100
    assert len(str(NeutralError("x" * 100_000))) < 2100


def test_half_a_character_can_be_printed():
    assert one_line("a\udcffb") == "a\\udcffb"
    one_line("\ud800").encode()


READERS = {
    "counts": Counts.load,
    "table": compression.load,
    "picture": projection.read_projection,
    "mask": maskfiles.read,
    "text": textfiles.read,
    "lines": textfiles.lines,
    "csv": lambda path: splits.read([path], records.read_csv),
    "tokenizer": lambda path: checkpoint.tokenizer(path.parent),
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_a_device_and_a_folder_are_refused_and_nobody_waits(tmp_path, name):
    path = tmp_path / "tokenizer.json"
    os.mkfifo(path)
    with pytest.raises(FileError):
        READERS[name](path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(FileError):
        READERS[name](path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FileError):
        READERS[name](path)


ABSURD = [(0, 2**62), (2**40, 0), (0, 2**31, 2**31), (0,) * 65]


def _weights(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FileError) as error:
        maskfiles.read(path)
    return str(error.value)


@pytest.mark.parametrize("shape", ABSURD, ids=str)
def test_a_mask_of_no_values_and_absurd_shape_is_refused_beside_a_good_one(tmp_path, shape):
    header = plain_header("layer.0.a", "U8", (2, 2), (0, 4)) | plain_header("layer.0.b", "U8", shape, (4, 4))
    assert "shape" in _weights(tmp_path, "en.safetensors", safetensors_bytes(header, b"\0\1\1\0"))


def _npy(shape):
    text = repr({"descr": "|b1", "fortran_order": False, "shape": shape}).encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("shape", ABSURD, ids=str)
def test_an_array_of_no_values_and_absurd_shape_is_refused(tmp_path, shape):
    import io
    import zipfile

    data = io.BytesIO(npz_bytes(**{"layer.0.a": np.ones((2, 2), bool)}))
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("layer.0.b.npy", _npy(shape))
    assert "impossible shape" in _weights(tmp_path, "en.npz", data.getvalue())


def test_tensors_and_pickled_arrays_of_no_values_and_absurd_shape_are_refused(tmp_path):
    good = np.ones((2, 2), bool)
    paths = []
    for number, shape in enumerate(ABSURD):
        paths.append(tmp_path / f"{number}.pkl")
        claims = _Claims((1, shape, np.dtype(bool), False, b""))
        paths[-1].write_bytes(pickle.dumps({"layer.0.a": good, "layer.0.b": claims}))
    for number, shape in enumerate([(2**40, 0), (0, 2**40)]):
        paths.append(tmp_path / f"{number}.pt")
        paths[-1].write_bytes(torch_bytes({"layer.0.a": torch.ones(2, 2), "layer.0.b": torch.empty(shape)}))
    for one in maskfiles.readings(paths):
        assert one.mask is None
        assert "impossible shape" in one.problem or "is not a plain tensor" in one.problem, one.problem


class _Claims:
    """Pickles as an array that claims a state."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        return np.empty(0).__reduce__()[0], (np.ndarray, (0,), b"b"), self.state


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 2",
        "'''",
        "  x\n y",
        "{}[0]",
        "(" * 500,
        "\\d",
        "1 if 2 is 3",
    ],
)
def test_whatever_python_says_of_an_arrays_header_is_one_line_and_no_warning(tmp_path, header, recwarn):
    import io
    import zipfile

    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        text = header.encode()
        archive.writestr("w.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    assert "array w is damaged" in _weights(tmp_path, "en.npz", data.getvalue())
    assert not recwarn.list


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("[0, 4]", "two whole numbers"),
        ("[4]", "two whole numbers"),
        ("[-1, 4]", "two whole numbers"),
        ("[true, 4]", "two whole numbers"),
        ("[1000000000, 1000000000]", "bytes do not hold"),
        ("[" * 100_000, "nested too deep"),
        ("NaN", "two whole numbers"),
    ],
)
def test_a_tables_shape_is_held_against_its_file(tmp_path, shape, said):
    tensors = {"latents": np.ones((4, 1), np.float32), "decoder": np.ones((1, 4), np.float32)}
    header = {"format": "neutral-table", "method": "svd", "shape": shape, "settings": "{}"}
    save_file(tensors, tmp_path / "t.safetensors", header)
    with pytest.raises(FileError, match=said):
        compression.load(tmp_path / "t.safetensors")


def test_a_table_of_two_factors_at_the_best_ratio_is_read(tmp_path):
    tensors = {"latents": np.ones((2000, 1), np.float16), "decoder": np.ones((1, 8192), np.float16)}
    header = {"format": "neutral-table", "method": "svd", "shape": "[2000, 8192]", "settings": "{}"}
    save_file(tensors, tmp_path / "t.safetensors", header)
    assert compression.load(tmp_path / "t.safetensors").shape == (2000, 8192)


def test_a_picture_that_unpacks_to_more_than_one_has_is_refused(tmp_path):
    path = tmp_path / "tokens_svd_bytes_10.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(70):
            file.write(b"\n" * 2**20)
    with pytest.raises(FileError, match="unpacks to more than 64 MiB"):
        projection.read_projection(path)


def test_a_picture_outside_of_its_study_is_refused(tmp_path):
    (tmp_path / "study" / "pictures").mkdir(parents=True)
    (tmp_path / "study" / "pictures" / "tokens_svd_bytes_10.csv.gz").symlink_to("/etc/passwd")
    with pytest.raises(FileError, match="link to something outside"):
        projection.projections(tmp_path / "study")


def test_half_a_character_in_labelled_data_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({"text": "a\ud800", "label": "b"}) + "\n")
    with pytest.raises(FileError, match="half of a character"):
        splits.read([path], records.read_json)
    path.write_text(json.dumps({"text": "a😀", "label": "b"}) + "\n")
    assert splits.read([path], records.read_json)["text"].tolist() == ["a😀"]


def test_an_index_that_names_files_elsewhere_is_refused(tmp_path):
    (tmp_path / checkpoint.INDEX).write_text(json.dumps({"weight_map": {"wte.weight": "../secret.safetensors"}}))
    with pytest.raises(NeutralError, match="not beside it"):
        checkpoint.shape(tmp_path)


def test_a_file_that_is_only_a_header_of_brackets_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    save_file({"sizes": np.zeros(1, np.int64)}, path, {"neutral_counts": "[" * 100_000})
    with pytest.raises(FileError, match="nested too deep"):
        Counts.load(path)


def test_tables_whose_later_rows_do_not_fit_are_refused_when_they_are_loaded(tmp_path):
    matrix = torch.randn(60, 16, generator=torch.Generator().manual_seed(0))
    for method, ratio, changed in (("mixed", 2.0, "bits"), ("mixed", 2.0, "levels"), ("pq", 2.0, "narrow")):
        table = compression.fit(matrix, method, ratio=ratio, by="bytes")
        path = tmp_path / f"{method}-{changed}.safetensors"
        if changed == "bits":
            table.tensors["bits"][30] = 255
        else:
            name = next(name for name in table.tensors if name.startswith(changed))
            table.tensors[name] = table.tensors[name][:1].contiguous()
        table.save(path)
        with pytest.raises(FileError, match=r"tensors do not fit together|levels|codebook"):
            compression.load(path)


def test_text_in_a_table_of_parquet_is_looked_at_when_it_is_read(tmp_path):
    import pandas as pd

    pd.DataFrame({"text": ["good text"], "label": ["a"]}).to_parquet(tmp_path / "a.parquet", compression=None)
    data = (tmp_path / "a.parquet").read_bytes()
    path = tmp_path / "b.parquet"
    path.write_bytes(data.replace(b"good text", b"good \xff\xfe\xff\xfe"))
    with pytest.raises(FileError, match="cannot be read as a table of texts"):
        splits.read([path], records.read_parquet)
