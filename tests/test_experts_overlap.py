"""Overlap by expert and by a layer's other parts: in counts, in the figures, on pages and in the shell."""

import io

import apppages
import numpy as np
import pandas as pd
import pytest
from test_overlap import drawn

from neutral import figures, overlap, summary
from neutral.cli import main
from neutral.masks import Mask
from neutral.study import Study

CODES = ("en", "fr", "sw")
EXPERTS = {
    f"model.layers.{layer}.mlp.experts.{expert}.{leaf}.weight": (6, 4)
    for layer in (0, 1)
    for expert in (0, 9, 10)
    for leaf in ("gate_up_proj", "down_proj")
}
SHAPES = {
    **{f"model.layers.{layer}.self_attn.q_proj.weight": (4, 4) for layer in (0, 1)},
    **EXPERTS,
    "model.layers.1.mlp.shared_expert.up_proj.weight": (3, 4),
}
DENSE = {f"model.layers.{layer}.self_attn.q_proj.weight": (4, 4) for layer in (0, 1)}


@pytest.fixture(scope="module")
def counts():
    return overlap.count(drawn(np.random.default_rng(0), SHAPES, 3), CODES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, counts):
    """Two studies: one of a network with experts, one without."""
    place = tmp_path_factory.mktemp("studies")
    dense = overlap.count(drawn(np.random.default_rng(1), DENSE, 3), CODES)
    for name, of in (("mixture", counts), ("dense", dense)):
        info = {"title": name, "model": name, "task": "clm", "languages": list(CODES), "methods": ["magnitude"]}
        study = Study.create(place / name, info)
        of.save(study.counts_path("clm", "magnitude", 0.5, 0, "languages"))
    return place


def test_by_expert_every_layer_has_its_experts_and_the_rest(counts):
    assert counts.groups("expert") == [
        "decoder 0 outside experts",
        *(f"decoder 0 expert {i}" for i in (0, 9, 10)),
        "decoder 1 outside experts",
        "decoder 1 shared expert",
        *(f"decoder 1 expert {i}" for i in (0, 9, 10)),
    ]
    sizes = counts.pairs("expert").drop_duplicates("group").set_index("group")["size"]
    assert sizes["decoder 1 expert 10"] == 2 * 24
    assert sizes["decoder 1 shared expert"] == 12
    assert sizes.sum() == counts.sizes.sum()


def test_the_overlap_of_an_expert_is_that_of_its_matrices(counts):
    masks = drawn(np.random.default_rng(0), SHAPES, 3)
    en, fr = (np.concatenate([m.array(n).ravel() for n in EXPERTS if ".1.mlp.experts.9." in n]) for m in masks[:2])
    assert counts.matrix("jaccard", "decoder 1 expert 9", "expert").loc["en", "fr"] == (en & fr).sum() / (en | fr).sum()


def test_the_heatmap_by_expert_has_a_column_an_expert_in_order(counts):
    table = summary.means(counts.jaccard("expert"))
    heat = figures.layer_expert(table, "Jaccard overlap", name="x").data[0]
    assert list(heat.x) == ["outside", "shared", "0", "9", "10"]
    assert list(heat.y) == ["0", "1"]
    values = table.set_index("group")["value"]
    assert heat.z[1][4] == values["decoder 1 expert 10"]
    assert np.isnan(heat.z[0][1]), "the first layer has no shared expert"


def test_the_heatmap_by_component_averages_the_experts_of_a_layer(counts):
    table = summary.means(counts.jaccard("layer-component"))
    heat = figures.layer_component(table, "Jaccard overlap", name="x").data[0]
    assert list(heat.x) == ["query", "up", "gate up", "down"]
    assert list(heat.y) == ["0", "1"]
    values = table.set_index("group")["value"]
    assert heat.z[1][3] == pytest.approx(values[[f"decoder 1 expert {i} down" for i in (0, 9, 10)]].mean())


def test_what_lies_beside_the_layers_has_a_row_of_its_own():
    shapes = {"model.layers.0.mlp.up_proj.weight": (4, 4), "lm_head.weight": (4, 4)}
    table = overlap.count([Mask.random(shapes, 0.5, seed) for seed in (0, 1)], ["en", "fr"]).jaccard("layer-component")
    heat = figures.layer_component(table, "Jaccard overlap", name="x").data[0]
    assert (list(heat.y), list(heat.x)) == (["0", "other"], ["up", "other"])


def test_the_shell_takes_experts_and_refuses_them_where_there_are_none(folder, capsys):
    mixture, dense = (str(next((folder / name / "counts").iterdir())) for name in ("mixture", "dense"))
    for command in ("overlap", "sparsity"):
        assert main([command, mixture, "--by", "expert", "--format", "csv"]) == 0
        groups = pd.read_csv(io.StringIO(capsys.readouterr().out))["group"]
        assert list(dict.fromkeys(groups))[3] == "decoder 0 expert 10"
        assert main([command, dense, "--by", "expert"]) == 2
        assert capsys.readouterr().err == "neutral: --by expert: this network has no experts; use --by layer\n"


def test_pages_show_experts_and_let_one_be_chosen(folder, monkeypatch, tmp_path):
    apppages.only(folder, tmp_path, monkeypatch)
    for page in ("pages/layers.py", "pages/pair.py"):
        assert "By expert" in apppages.text(apppages.opened(page, study="mixture"))
        assert "By expert" not in apppages.text(apppages.opened(page, study="dense"))
    at = apppages.opened("pages/overlap.py", study="mixture", layer="Decoder 1")
    assert at.selectbox(key="expert").options == ["Whole layer", *EXPERT_NAMES]
    for address, shown, components in (
        ({"expert": "Expert 9"}, "Decoder 1 expert 9", ["All components", "Gate up", "Down"]),
        ({"expert": "Expert 9", "component": "Down"}, "Decoder 1 expert 9 down", ["All components", "Gate up", "Down"]),
        ({"expert": "Outside experts"}, "Decoder 1 outside experts", None),
        ({"component": "Query"}, "Decoder 1 query", None),
    ):
        at = apppages.opened("pages/overlap.py", study="mixture", layer="Decoder 1", **address)
        assert any(caption.value.endswith(shown) for caption in at.caption), address
        if components:
            assert at.selectbox(key="component").options == components
    at = apppages.opened("pages/overlap.py", study="dense", layer="Decoder 1")
    assert "expert" not in [box.key for box in at.selectbox]


EXPERT_NAMES = ["Outside experts", "Shared expert", "Expert 0", "Expert 9", "Expert 10"]


def test_an_address_with_a_component_s_former_name_still_opens_it(folder, monkeypatch, tmp_path):
    apppages.only(folder, tmp_path, monkeypatch)
    for former, layer, now in (
        ("Output", "All layers", "Down"),
        ("Intermediate", "All layers", "Up"),
        ("Intermediate", "Decoder 1", "Decoder 1"),  # it has none outside its experts
    ):
        at = apppages.opened("pages/overlap.py", study="mixture", component=former, layer=layer)
        assert any(caption.value.endswith(f" · {now}") for caption in at.caption)
