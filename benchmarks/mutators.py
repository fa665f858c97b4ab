"""Ways of damaging a file: its bytes, the members of an archive, the values of its JSON. Each is a seed's."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import random
import struct
import zipfile
from collections.abc import Callable

Mutator = Callable[[bytes, random.Random], bytes]

_DEEP, _HUGE = 100_000, "9" * 5000
_RAW = {
    "@deep": "[" * _DEEP + "]" * _DEEP,
    "@objects": '{"a":' * _DEEP + "0" + "}" * _DEEP,
    "@huge": _HUGE,
    "@unclosed": '["',
    "@half": '"\\ud800"',
    "@nan": "NaN",
    "@infinite": "-Infinity",
    "@exponent": "1e999",
}
"""What stands in a text of JSON in place of a value that `json.dumps` has not."""

_ODD = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**31,
    2**62,
    2**63,
    2**64,
    -(2**63),
    10**400,
    "",
    "0",
    "\n",
    "\0",
    "\u202e",
    " ",
)
_ODD += ("x" * 100_000, "é", "../../etc/passwd", "/dev/zero", "<b>x</b>", "![](http://x)", "nan", [], {}, [[]], [None])
_ODD += ({"a": {}}, [0] * 70, [0, 2**62], [2**40, 0], [-1, 4], [1.5], *_RAW)
_WORDS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def bits(data: bytes, rng: random.Random) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if changed:
            changed[_place(changed, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def bytes_changed(data: bytes, rng: random.Random) -> bytes:
    """Put other bytes in one to four places, those of structure above all."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if changed:
            changed[_place(changed, rng)] = rng.choice((rng.randrange(256), 0, 255, *b'{}[]",:\n\t.-0912'))
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    """Leave the beginning, the end, or all but a piece."""
    at, to = sorted((_place(data, rng), _place(data, rng)))
    return rng.choice((data[:at], data[at:], data[:at] + data[to:], b""))


def inserted(data: bytes, rng: random.Random) -> bytes:
    """Put something in between."""
    what = (rng.randbytes(rng.randint(1, 64)), b"\0" * 64, b"\xef\xbb\xbf", b"\xff\xfe", b'"', b"\n" * 9, b"[" * 5000)
    at = _place(data, rng)
    return data[:at] + rng.choice(what) + data[at:]


def slices(data: bytes, rng: random.Random) -> bytes:
    """Repeat a piece, or let two change places."""
    a, b, c = sorted(_place(data, rng) for _ in range(3))
    return rng.choice((data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:], data + data[a:b]))


def words(data: bytes, rng: random.Random) -> bytes:
    """Put an extreme whole number of 2, 4 or 8 bytes in place of what is there."""
    size, order = rng.choice((2, 4, 8)), rng.choice("<>")
    at = max(0, min(_place(data, rng), len(data) - size))
    value = rng.choice(_WORDS) & (2 ** (8 * size) - 1)
    return data[:at] + struct.pack(order + {2: "H", 4: "L", 8: "Q"}[size], value) + data[at + size :]


def digits(data: bytes, rng: random.Random) -> bytes:
    """Put another number in place of one that is written as text."""
    places = [i for i, byte in enumerate(data[:5000]) if 48 <= byte <= 57]
    if not places:
        return bytes_changed(data, rng)
    at = end = rng.choice(places)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    number = rng.choice((*map(str, _WORDS), "-1", "1.5", "NaN", "1e999", _HUGE, "")).encode()
    return data[:at] + number + data[end:]


def _place(data: bytes, rng: random.Random) -> int:
    """A place in the data, in every second case near its beginning or its end, where the structure is."""
    if not data:
        return 0
    near = min(len(data), 600)
    return rng.choice((rng.randrange(len(data)), rng.randrange(near), len(data) - 1 - rng.randrange(near)))


BYTES: tuple[Mutator, ...] = (bits, bytes_changed, cut, inserted, slices, words, digits)


def any_bytes(data: bytes, rng: random.Random) -> bytes:
    """Damage bytes in one of the ways above."""
    return rng.choice(BYTES)(data, rng)


def json_value(data: bytes, rng: random.Random) -> bytes:
    """Put something odd in place of a value in a text of JSON, or let a key come twice."""
    return _written(_changed(json.loads(data), rng), rng).encode("utf-8", "surrogatepass")


def json_line(data: bytes, rng: random.Random) -> bytes:
    """Do so in one line of many, or repeat, drop or cut it."""
    lines = data.split(b"\n")
    at = rng.choice([i for i, line in enumerate(lines) if line.strip()] or [0])
    if lines[at].strip() and rng.random() < 0.7:
        lines[at] = json_value(lines[at], rng)
    else:
        lines[at] = rng.choice((b"", lines[at] * 2, lines[at][: len(lines[at]) // 2], any_bytes(lines[at], rng)))
    return b"\n".join(lines)


def header(data: bytes, rng: random.Random) -> bytes:
    """Change a value in the JSON of a safetensors file, and in the JSON in its metadata; the length stays right."""
    length = int.from_bytes(data[:8], "little")
    told, rest = json.loads(data[8 : 8 + length]), data[8 + length :]
    inner = told.get("__metadata__", {})
    if inner and rng.random() < 0.5:
        key = rng.choice(list(inner))
        try:
            inner[key] = _written(_changed(json.loads(inner[key]), rng), rng)
        except ValueError:
            inner[key] = str(rng.choice(_ODD))[:1000]
        text = json.dumps(told)
    else:
        text = _written(_changed(told, rng), rng)
    text = text.encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + rest


def member(data: bytes, rng: random.Random) -> bytes:
    """Damage one member of a zip archive, whose directory and checksums stay right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = rng.choice(list(members))
    members[name] = any_bytes(members[name], rng)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def packed(data: bytes, rng: random.Random) -> bytes:
    """Damage what is in a .gz or .xz file, which stays whole."""
    module = gzip if data[:2] == b"\x1f\x8b" else lzma
    return module.compress(any_bytes(module.decompress(data), rng))


def _changed(value: object, rng: random.Random) -> object:
    """Return a value of JSON with something odd in one place of it."""
    if rng.random() < 0.1 or not isinstance(value, (dict, list)) or not value:
        return rng.choice(_ODD)
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [*value[:at], *([_changed(value[at], rng)] * rng.choice((0, 1, 1, 1, 2))), *value[at + 1 :]]
    key = rng.choice(list(value))
    if rng.random() < 0.2:
        other = {
            "drop": None,
            "name": rng.choice([str(odd) for odd in _ODD if isinstance(odd, str) and odd[:1] != "@"]),
        }
        which = rng.choice(list(other))
        return {
            (other["name"] if name == key else name): item
            for name, item in value.items()
            if which != "drop" or name != key
        }
    return value | {key: _changed(value[key], rng)}


def _written(value: object, rng: random.Random) -> str:
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5)
    for word, raw in _RAW.items():
        text = text.replace(f'"{word}"', raw)
    if text.startswith("{") and len(text) > 2 and rng.random() < 0.05:
        text = "{" + text[1:-1] + "," + text[1:-1] + "}"  # every key twice
    return text
