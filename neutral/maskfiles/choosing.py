"""Which tensors of a file are its mask, and what is left out.

If tensors are masks by their names, exactly they are the mask: `weight_mask` of torch.nn.utils.prune, of NNI and of the
paper's scripts, `_weight_mask` of ModelOpt, `parametrizations.weight.0.mask` of torch.ao, `weight_fake_sparse.mask` of
MQBench's kind, and a `mask` beside its `weight`. Otherwise all tensors are, but buffers, the matrices of adapters, and
vectors beside matrices. Of a pruned model whose zeros are the mask, it is the matrices of linear layers in the repeated
blocks.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from neutral import labels
from neutral.errors import FileError
from neutral.languages import in_name
from neutral.maskfiles.naming import is_of_text, is_unit, of_weight
from neutral.maskfiles.source import MaskFile, shown
from neutral.maskfiles.values import BadValueError, CutOffError, Entry, Limits, Parts, by, nonzero, ones

_LONGEST_NAME = 500
LEAST_ZEROS = 0.001
"""Share of zeros below which a model is not pruned: half-precision weights are zero by chance now and then."""

# A layer, or a part of it, but no weight of it: layers.3, layers.3.mlp, layer_3, L3.
_LAYER = re.compile(
    r"^(?!.*(?:weight|bias|gamma|beta|scale)$)(?!.*norm)(?:.*[._])?[A-Za-z]*\d+(?:[._][\w.]*)?$", re.IGNORECASE
)
# Buffers: positions, rotary frequencies, statistics, the state of quantisers.
_BUFFERS = re.compile(
    r"(?:^|\.)(?:\w*_ids|\w*_ind(?:ex|ices)|(?:\w+_)?inv_freq|\w*(?:cos|sin)_cache[d]?|masked_bias|tril|triu|causal_mask"
    r"|(?:running_(?:mean|var)|num_batches_tracked)|embed_positions|alibi|_float_tensor|_extra_state"
    r"|\w*_?scales?(?:_inv)?|\w*_?(?:zero_points?|qzeros|g_idx|amax|absmax|quant_map|quant_state\w*)|SCB|weight_format)$"
)
_ADAPTERS = re.compile(
    r"(?:^|\.)(?:lora_(?:embedding_)?[AB]|lora_magnitude_vector|ia3_l|hada_w\d_[ab]|vera_lambda_[bd])(?:\.|$)"
)
_QUANTISED = re.compile(r"\.(?:qweight|weight_packed|bitmask|compressed|row_offsets|weight_scale\w*|quant_map|absmax)$")
# In a block, but no matrix of a linear layer: tables, routers, kernels, norms.
# How the matrix of a layer ends; scores of pruning, momenta and masks of other libraries end otherwise.
_WEIGHT = re.compile(r"(?:^|[._])(?:weight|kernel)(?:_orig)?$|\.parametrizations\.\w*weight\.original$")
_NO_LINEAR = re.compile(
    r"embed|position|relative_attention_bias|norm|conv|(?:^|\.)(?:A_log|D|dt_bias|x_bias)$", re.IGNORECASE
)


def collect(
    source: MaskFile, entries: Sequence[Entry], limits: Limits, *, zeros: bool = False, label: str = ""
) -> Parts:
    """Choose the tensors that are the mask (see the module) and pack them one after the other.

    `zeros` takes the zeros of a pruned model for its mask, unless the file has masks of its own, or holds nothing but
    zeros and ones. `label` is what the file calls this one of several masks.

    Raises `FileError`, naming a tensor that can't be part of a mask, and for no tensors or too many weights.
    """
    for entry in entries:
        check_name(source, entry.name)
    if repeated := next((n for n, count in Counter(e.name for e in entries).items() if count > 1), None):
        raise source.error(f"tensor {repeated} is in it twice")
    masks, rest = _masks(source, entries)
    chosen, notes = (masks, _without_mask(rest, masks)) if masks else _others(source, entries)
    if zeros and not masks and (plain := _zeros_and_ones(source, entries, limits, label)):
        return plain
    if zeros and not masks:
        chosen, outside = _in_blocks(source, chosen)
        notes += outside
    elif zeros:
        notes.append("it has masks of its own, and they were read, not the zeros of weights")
    chosen, vectors = _matrices(chosen)
    notes += vectors
    if not chosen:
        raise source.error("holds no tensors that could be masks" if entries else "holds no tensors")
    check_weights(source, (entry.shape for entry in chosen), limits)
    if not any(math.prod(entry.shape) for entry in chosen):
        raise source.error(f"tensor {chosen[0].name} is {by(chosen[0].shape)}: the file holds no weights at all")
    for entry in chosen:
        if entry.problem:
            raise source.error(f"tensor {entry.name} {entry.problem}")
    kept = nonzero if zeros and not masks else ones
    bits = {entry.name: _packed(source, entry, kept, hint=not masks) for entry in chosen}
    if kept is nonzero:
        _check_pruned(source, bits, chosen)
    renamed = sum(labels.canonical(entry.name) != entry.name.removesuffix("_mask") for entry in chosen)
    shapes = {entry.name: entry.shape for entry in chosen}
    return Parts(bits, shapes, notes=tuple(notes), renamed=renamed, label=label, zeros=kept is nonzero)


def _zeros_and_ones(source: MaskFile, entries: Sequence[Entry], limits: Limits, label: str) -> Parts | None:
    """Return the mask of a file that holds zeros and ones alone, and so no model; None for any other."""
    try:
        parts = collect(source, entries, limits, label=label)
    except FileError:
        return None
    note = "holds zeros and ones alone, and was read as a mask, not as a model"
    return replace(parts, notes=(note, *parts.notes)) if any(map(np.any, parts.bits.values())) else None


def collect_all(source: MaskFile, entries: Sequence[Entry], limits: Limits, *, zeros: bool = False) -> list[Parts]:
    """Return the masks among a file's tensors: one, or one a language where all names begin with a language's code."""
    groups: dict[str, list[Entry]] = {}
    entries = [entry.called(dotted(entry.name)) for entry in entries]
    for entry in entries:
        label, _, name = re.sub("/", ".", entry.name, count=1).partition(".")
        groups.setdefault(label, []).append(entry.called(name))
    first, *others = ({entry.name for entry in group} for group in groups.values()) if entries else [set()]
    if not others or any(names != first for names in others) or not all(in_name(label) == label for label in groups):
        return [collect(source, entries, limits, zeros=zeros)]
    if not any(labels.taken_apart(name).at is not None for name in first):
        return [collect(source, entries, limits, zeros=zeros)]
    return [collect(source, group, limits, zeros=zeros, label=label) for label, group in groups.items()]


def dotted(name: str) -> str:
    """Return a name as torch has it, with dots between its parts where it has slashes only (Flax).

    >>> dotted("encoder/layer/0/output/kernel"), dotted("en/encoder.layer.0.weight")
    ('encoder.layer.0.output.kernel', 'en/encoder.layer.0.weight')
    """
    return name if "." in name else name.replace("/", ".")


def check_name(source: MaskFile, name: str) -> None:
    """Raise `FileError` for a name that is no weight's: it would go on into tables and other files."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise source.error(f"a tensor is called {shown(name, 60)!r}, which is no weight's name")


def check_weights(source: MaskFile, shapes: Iterator[tuple[int, ...]], limits: Limits) -> None:
    """Raise `FileError` if there are more weights than one mask may have."""
    if (total := sum(math.prod(shape) for shape in shapes)) > limits.weights:
        raise source.error(f"claims {total:.2g} weights; a file may hold {limits.weights:.2g}")


def _masks(source: MaskFile, entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Return the tensors that are masks of weights by their names, as `labels.canonical` reads names, and the rest.

    Raises `FileError` for a mask of another shape than its weight.
    """
    names = {entry.name for entry in entries}
    named = [(entry, of_weight(entry.name, entry.shape, names)) for entry in entries]
    masks = [entry.called(name) for entry, name in named if name]
    others = [entry for entry, name in named if not name]
    shapes = {labels.canonical(entry.name): entry.shape for entry in others}
    for mask in masks:
        if (shape := shapes.get(labels.canonical(mask.name), mask.shape)) != mask.shape:
            what = f"is {by(mask.shape)}, its weight {by(shape)}: a mask of rows or heads, not of every weight"
            raise source.error(f"tensor {mask.name} {what}")
    return masks, others


def _without_mask(others: Sequence[Entry], masks: Sequence[Entry]) -> list[str]:
    """Return what is said of the matrices that have no mask, in a file where others have one."""
    masked = {labels.canonical(mask.name) for mask in masks}
    left = [
        entry.name
        for entry in others
        if len(entry.shape) > 1 and not _kind(entry) and labels.canonical(entry.name) not in masked
    ]
    units = [entry.name for entry in others if _kind(entry) == "unit"]
    notes = [_left_out(left, "matrices that have no mask of their own")] if left else []
    return notes + ([_left_out(units, _LEFT_OUT["unit"])] if units else [])


def _others(source: MaskFile, entries: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the tensors that are neither buffers nor an adapter's, and what is said of those that are."""
    kinds = {entry.name: _kind(entry) for entry in entries}
    chosen = [entry for entry in entries if entry.shape and not kinds[entry.name]]
    notes = []
    for kind, what in _LEFT_OUT.items():
        if left := [name for name, its in kinds.items() if its == kind]:
            notes.append(_left_out(left, what))
    if not chosen and "adapter" in kinds.values():
        raise source.error("holds the matrices of adapters (LoRA), not a mask")
    if not any(len(entry.shape) > 1 for entry in chosen):
        _refuse_units(source, entries, kinds)
    return chosen, notes


_LEFT_OUT = {
    "buffer": "buffers, which are no weights",
    "adapter": "matrices of adapters, which are no masks",
    "unit": "masks of heads or neurons, which are no masks of weights",
}


def _left_out(names: Sequence[str], what: str) -> str:
    return f"left out {what}: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _kind(entry: Entry) -> str:
    leaf = entry.name.rpartition(".")[2]
    if is_unit(entry.name, entry.shape):
        return "unit"
    if _ADAPTERS.search(entry.name):
        return "adapter"
    if _BUFFERS.search(entry.name) or is_of_text(entry.name):
        return "buffer"
    # GPT-2's `attn.bias` hides what comes later in the text, (1, 1, n, n), and so does others' `attn.mask`.
    return "buffer" if leaf in ("bias", "mask") and len(entry.shape) != 1 else ""


def _refuse_units(source: MaskFile, entries: Sequence[Entry], kinds: Mapping[str, str]) -> None:
    """Raise `FileError` if masks of heads or neurons are all there is, or vectors called by nothing but layers."""
    units = [entry for entry in entries if kinds[entry.name] == "unit"]
    vectors = [entry for entry in entries if len(entry.shape) == 1 and not kinds[entry.name]]
    if not units and vectors and all(_LAYER.search(entry.name) for entry in vectors):
        units = vectors
    if units:
        raise source.error(f"tensor {units[0].name} {UNITS.format(by(units[0].shape))}")


UNITS = "is {}: a mask of attention heads or neurons, layer by layer; a mask here has a 0 or 1 for every weight"


def _matrices(chosen: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the matrices, and what is said of the vectors beside them; a file of nothing but vectors is as it is."""
    matrices = [entry for entry in chosen if len(entry.shape) > 1]
    vectors = [entry.name for entry in chosen if len(entry.shape) == 1]
    if not matrices or not vectors:
        return [entry for entry in chosen if entry.shape], []
    return matrices, [_left_out(vectors, "vectors, as of biases and norms")]


def _in_blocks(source: MaskFile, chosen: Sequence[Entry]) -> tuple[list[Entry], list[str]]:
    """Return the matrices of linear layers and experts in the repeated blocks, and what is said of the others."""
    if quantised := next((entry.name for entry in chosen if _QUANTISED.search(entry.name)), None):
        raise source.error(f"tensor {quantised} is quantised or compressed; save the pruned model as plain weights")
    inside = [entry for entry in chosen if is_linear(entry.name, len(entry.shape))]
    if not inside:
        raise source.error("has no matrices of linear layers in numbered blocks whose zeros could be a mask")
    if whole := next((entry for entry in inside if entry.whole), None):
        raise source.error(
            f"tensor {whole.name} holds whole numbers: quantised weights, whose zeros are rounded values"
        )
    names = {entry.name for entry in inside}
    others = [entry.name for entry in chosen if len(entry.shape) > 1 and entry.name not in names]
    return inside, [_left_out(others, "matrices that are no linear layers of the blocks")] if others else []


def is_linear(name: str, dimensions: int) -> bool:
    """Whether a tensor is the matrix of a linear layer, or those of experts, in the repeated blocks, by its name."""
    apart = labels.taken_apart(name)
    if apart.at is None or _NO_LINEAR.search(".".join(apart.parts[apart.at :])) or name.endswith("bias"):
        return False
    component = labels.label(name).component
    if component in ("router", "adapter") or (component == "other" and not _WEIGHT.search(name)):
        return False
    return dimensions == 2 or (dimensions == 3 and "experts" in apart.parts)


def _packed(source: MaskFile, entry: Entry, kept: object, *, hint: bool) -> np.ndarray:
    try:
        return entry.pack(kept)
    except BadValueError as error:
        more = _hint(entry, str(error)) if hint else ""
        raise source.error(f"tensor {entry.name} {error}{more}") from None
    except CutOffError:
        raise source.error(f"tensor {entry.name} is cut off: the file ends before it does") from None


def _hint(entry: Entry, problem: str) -> str:
    if len(entry.shape) == 1 and entry.whole:
        return " (numbers of neurons? a mask here has a 0 or 1 for every weight)"
    if entry.whole or not problem.startswith("holds"):
        return ""
    return f" (a model's weights? {FROM_ZEROS})"


FROM_ZEROS = "if it was pruned, and its zeros are the mask, say so: --from-zeros, or on the page “Zeros are the mask”"
"""What is said of a model where a mask should be."""


def _check_pruned(source: MaskFile, bits: dict[str, np.ndarray], chosen: Sequence[Entry]) -> None:
    size = sum(math.prod(entry.shape) for entry in chosen)
    zeros = size - sum(int(np.bitwise_count(packed).sum(dtype=np.int64)) for packed in bits.values())
    if zeros < LEAST_ZEROS * size:
        raise source.error(
            f"{zeros:,} of {size:,} weights in its blocks are zero: it is not pruned, or what was pruned is cut out"
        )
