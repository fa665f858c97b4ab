"""Exports of every architecture: what is read of a folder gives the logits of the table in place."""

import architectures
import pytest
import torch
from test_placement_architectures import loaded, logits

from neutral import compression
from neutral.compression import exports
from neutral.compression.layout import Layout
from neutral.compression.placement import put_in, require_placeable, tied
from neutral.errors import NeutralError
from neutral.models import load_tokenizer, trial
from neutral.models.output import multiplier, per_layer

pytestmark = pytest.mark.numeric
WITHOUT = {
    "ibert": "has no embedding of tokens",
    "inkling_text": "does more than look up and scale rows",
    "mobilebert": "uses its token table in a way of its own",
}
SCALING = {"switch_transformers"}  # what enters a tied output layer


def check(name, folder, out):
    """What is read of each form, and of the neutral one saved again, gives the logits of the table in place."""
    model = loaded(folder)
    layouts = [Layout.of(model, tables) for tables in (("tokens", "all") if per_layer(model) else ("tokens",))]
    for layout in layouts:
        table = layout.fit(
            layout.matrix(model),
            lambda block, _: compression.fit(block, "int4", 4.0, by="bytes", group=min(32, block.shape[1])),
        )
        check_table(name, folder, out, model, table)


def whole(model):
    """A table of the model's own numbers."""
    layout = Layout.of(model)
    return layout.dense(layout.matrix(model))


def check_table(name, folder, out, model, table):
    for where in ("both", "input") if tied(model) else ("input",):
        with put_in(model, table, where, train=False):
            expected = logits(model)
        for form in ("neutral", "plain"):
            place = out / f"{form}-{where}"
            if form == "plain" and where == "input" and (multiplier(model) is not None or name in SCALING):
                with pytest.raises(NeutralError, match="cannot hold both matrices"):
                    exports.require(model, table.made_by, form, where)
                continue
            written = exports.write(model, table, load_tokenizer(folder), place, form, where)
            read = [loaded(place)]
            if form == "neutral":
                assert written.table == table.bytes
                read[0].save_pretrained(out / "again")
                read.append(loaded(out / "again"))
            for each in read:
                torch.testing.assert_close(logits(each), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(WITHOUT))
def test_a_model_without_a_table_of_its_own_is_refused(name, tmp_path):
    architectures.make(name, tmp_path / "model")
    model = loaded(tmp_path / "model")
    with pytest.raises(NeutralError, match=WITHOUT[name]):
        require_placeable(model, whole(model), trial(model))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(set(architectures.ARCHS) - set(WITHOUT) - {"canine"}))
def test_every_architecture_comes_back_from_a_folder(name, tmp_path):
    architectures.make(name, tmp_path / "model")
    check(name, tmp_path / "model", tmp_path)


@pytest.mark.parametrize("name", ["t5", "marian", "mamba", "deberta-v2-lm-head"])
def test_layouts_of_their_own_come_back_from_a_folder(name, tmp_path):
    architectures.make(name, tmp_path / "model")
    check(name, tmp_path / "model", tmp_path)
