"""Embeddings for all layers (Gemma 3n and 4): compressed by layer, put in place, scored, exported, trimmed."""

import json

import architectures
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file
from test_placement_architectures import loaded, logits
from transformers import AutoModelForCausalLM

from neutral import cli, compression, vocabulary
from neutral.compression import exports
from neutral.compression.blocks import Blocks, places
from neutral.compression.layout import Layout
from neutral.compression.placement import embedding, looked_up, put_in, sides
from neutral.compression.table import Rebuilt
from neutral.errors import FileError, NeutralError
from neutral.models import load_tokenizer
from neutral.models.output import per_layer
from neutral.study import Study

pytestmark = pytest.mark.numeric
RATIOS = {"svd": 2.0, "direction": 2.0, "int8": 2.0, "int4": 4.0, "pq": 4.0, "mixed": 4.0}


def fitted(model, method="int4", tables="all"):
    layout = Layout.of(model, tables)
    return layout.fit(layout.matrix(model), lambda block, _: compression.fit(block, method, RATIOS[method], by="bytes"))


@pytest.fixture(scope="module")
def model(made):
    return loaded(made("gemma4_text"))


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    for code, lines in tiny.text(lines=60).train.items():
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.parametrize("method", RATIOS)
def test_blocks_are_the_tables_of_every_layer_and_come_back_from_a_file(method, model, tmp_path):
    layout = Layout.of(model)
    matrix, table = layout.matrix(model), fitted(model, method)
    _, further, layers = per_layer(model)
    width = further.embedding_dim // layers
    assert torch.equal(matrix, torch.cat([embedding(model).weight, further.weight], dim=1))
    blocks = table.named()
    assert [name for name, _ in blocks] == ["tokens", *["per-layer"] * layers]
    last = compression.fit(further.weight[:, -width:].contiguous(), method, RATIOS[method], by="bytes")
    assert torch.equal(table.matrix()[:, -width:], last.matrix())
    assert table.bytes == sum(block.bytes for _, block in blocks)
    assert table.parameters == sum(block.parameters for _, block in blocks)
    table.save(tmp_path / "table.safetensors")
    assert torch.equal(compression.load(tmp_path / "table.safetensors").matrix(), table.matrix())
    assert torch.equal(table.rebuilt().matrix(), table.matrix())


@pytest.mark.parametrize("tables", compression.TABLES)
def test_in_place_it_acts_as_its_numbers_would_and_so_does_each_folder(tables, model, made, tmp_path):
    own, table = logits(model), fitted(model, tables=tables)
    replaced = loaded(made("gemma4_text"))
    with torch.no_grad():
        for name, layer in looked_up(replaced, places(table)).items():
            layer.weight.copy_(places(table)[name].matrix())
    expected = logits(replaced)
    assert not torch.allclose(expected, own, atol=1e-3)
    assert sides(model, table) == (("input",) if tables == "per-layer" else ("input", "both"))
    with put_in(model, table, train=False) as placed:
        torch.testing.assert_close(logits(model), expected, rtol=1e-4, atol=1e-5)
        assert torch.equal(placed.table().matrix(), table.matrix())
    assert torch.equal(logits(model), own)
    for form in ("neutral", "plain"):
        written = exports.write(model, table, load_tokenizer(made("gemma4_text")), tmp_path / form, form)
        read = AutoModelForCausalLM.from_pretrained(tmp_path / form)
        torch.testing.assert_close(logits(read), expected, rtol=1e-4, atol=1e-5)
        told = {part.name: part.claimed for part in written.tables}
        assert told == {name: part.bytes for name, part in places(table).items()}
        assert form == "plain" or written.table == table.bytes
    with pytest.raises(NeutralError, match="tied" if tables == "per-layer" else "where='output'"):
        put_in(model, table, "both" if tables == "per-layer" else "output")


def test_a_layer_of_small_numbers_keeps_its_directions_beside_one_of_large():
    """The reason for a table a layer: of the whole, one scale a row would round a small layer away."""
    parts = torch.randn(2, 300, 16, generator=torch.Generator().manual_seed(0)) * torch.tensor([[[1.0]], [[0.001]]])
    whole = compression.fit(torch.cat([*parts], dim=1), "int8", 2.0, by="bytes").matrix()[:, 16:]
    apart = compression.fit(parts[1].contiguous(), "int8", 2.0, by="bytes").matrix()
    kept = [torch.cosine_similarity(each, parts[1], dim=1).mean() for each in (whole, apart)]
    assert kept[0] < 0.5
    assert kept[1] > 0.999


@pytest.mark.parametrize("method", ["int8", "int4"])
def test_compressed_tensors_holds_the_layers_side_by_side_in_groups_that_all_tables_have(method, model, made, tmp_path):
    """transformers reads one scheme for all layers: a row's scale is written for each of the shorter groups."""
    table = fitted(model, method)
    exports.write(model, table, load_tokenizer(made("gemma4_text")), tmp_path / "out", "compressed-tensors")
    stored = load_file(tmp_path / "out" / "model.safetensors")
    (said,) = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"][
        "config_groups"
    ].values()
    name, further, layers = per_layer(model)
    width, bits = further.embedding_dim // layers, said["weights"]["num_bits"]
    assert said["weights"] | {"strategy": "group", "group_size": width} == said["weights"]
    assert len(said["targets"]) == 3  # embedding, output layer, and embeddings for all layers
    for place, of in (("model.embed_tokens", "tokens"), ("lm_head", "tokens"), (name, "per-layer")):
        words = stored[f"{place}.weight_packed"]
        codes = torch.stack([words >> shift & 2**bits - 1 for shift in range(0, 32, bits)], dim=-1).flatten(1)
        scales = stored[f"{place}.weight_scale"].float().repeat_interleave(width, dim=1)
        torch.testing.assert_close((codes - 2 ** (bits - 1)) * scales, table.of(of).matrix())
        assert f"{place}.weight" not in stored
    for tables in ("per-layer", "all"):
        with pytest.raises(NeutralError, match="holds int8 and int4 only, not pq"):
            exports.require(model, "pq", "compressed-tensors", None, Layout.of(model, tables).tables)


def test_compress_counts_each_table_and_both_and_says_so(made, text, tmp_path, capsys):
    options = ["--model", made("gemma4_text"), "--text", text, "--study", tmp_path / "study", "--methods", "int4"]
    options += ["--by", "bytes", "--length", 32, "--held-out-blocks", 1, "--calibration", 1, "--neighbours", 20]
    options += ["--device", "cpu", "--export", tmp_path / "out", "--as", "neutral"]
    assert cli.main(["compress", *map(str, options)]) == 0
    said = capsys.readouterr().err
    assert "token table 38,400 in 1, embeddings for all layers 38,400 in 1" in said
    assert "MB; embeddings for all layers 0.0 MB instead of 0.2 MB" in said
    study = Study(tmp_path / "study")
    assert study.info["settings"]["compress"]["tables"] == ["tokens", "per-layer"]
    (row,) = study.rows("table")
    assert row["bytes"] == sum(each["bytes"] for each in row["tables"].values())
    layers = row["tables"]["per-layer"]
    assert layers["ratio_bytes"] == pytest.approx(4 * 600 * 64 / layers["bytes"])
    assert row["ratio_bytes"] == pytest.approx(4 * 600 * 128 / row["bytes"])
    folder = next((tmp_path / "out").iterdir())
    card = (folder / "README.md").read_text()
    assert f"Together they are {row['bytes']:,}" in card
    assert "| table of embeddings for all layers | 153,600 |" in card
    read = AutoModelForCausalLM.from_pretrained(folder)
    assert isinstance(read.model.embed_tokens_per_layer.table(), Blocks)
    assert cli.main(["compress", *map(str, options), "--tables", "tokens"]) == 2
    assert "results were made with tables ['tokens', 'per-layer'], not ['tokens']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "more", "complaint"),
    [
        ("llama-tied", ("--tables", "per-layer"), "LlamaForCausalLM has no embeddings for all layers"),
        ("gemma4_text", ("--tables", "per-layer", "--where", "both"), "--where both: not with --tables per-layer"),
        ("gemma4_text", ("--methods", "autoencoder"), "--methods autoencoder: of the token table alone"),
        ("gemma4_text", ("--methods", "svd", "--rank", "4"), "--rank: of the token table alone"),
    ],
)
def test_a_mistake_is_one_line(name, more, complaint, made, text, tmp_path, capsys):
    options = [
        "--model",
        made(name),
        "--text",
        text,
        "--study",
        tmp_path / "study",
        "--methods",
        "int8",
        "--length",
        32,
    ]
    assert cli.main(["compress", *map(str, [*options, "--device", "cpu", "--quiet", *more])]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_a_damaged_file_of_blocks_is_refused(model, tmp_path):
    table = fitted(model)
    for change in ({"0_codes": None}, {"9_codes": torch.zeros(1)}):
        tensors = {name: part for name, part in (table.tensors | change).items() if part is not None}
        header = {"format": "neutral-table", "method": "blocks", "shape": json.dumps(table.shape)}
        save_file(tensors, tmp_path / "table.safetensors", header | {"settings": json.dumps(table.settings)})
        with pytest.raises(FileError, match=next(iter(change))):
            compression.load(tmp_path / "table.safetensors")
    inner = {"blocks": [{"table": "tokens", "method": "blocks", "width": 4, "settings": {"blocks": []}}]}
    for settings in (inner, {}, {"blocks": 3}, {"blocks": [{"table": "tokens"}]}):
        save_file({"x": torch.zeros(1)}, tmp_path / "t.safetensors", header | {"settings": json.dumps(settings)})
        with pytest.raises(FileError):
            compression.load(tmp_path / "t.safetensors")


def test_a_table_of_fewer_rows_than_there_are_tokens_is_compressed_and_trimmed(tmp_path):
    """Gemma 3n has further tokens, of pictures and sound, which read the first row of it."""
    architectures.make("gemma3n_text", tmp_path / "whole")
    config = json.loads((tmp_path / "whole" / "config.json").read_text())
    (tmp_path / "whole" / "config.json").write_text(json.dumps(config | {"vocab_size_per_layer_input": 500}))
    weights = load_file(tmp_path / "whole" / "model.safetensors")
    weights["model.embed_tokens_per_layer.weight"] = weights["model.embed_tokens_per_layer.weight"][:500].contiguous()
    save_file(weights, tmp_path / "whole" / "model.safetensors", {"format": "pt"})
    model, tokenizer = loaded(tmp_path / "whole"), load_tokenizer(tmp_path / "whole")
    ids = torch.tensor([[7, 480, 510, 599, 8]])
    table = fitted(model)
    assert table.shape[0] == 600
    with put_in(model, table, train=False):
        expected = logits(model, ids)
    for form in ("neutral", "plain"):
        exports.write(model, table, tokenizer, tmp_path / form, form)
        read = AutoModelForCausalLM.from_pretrained(tmp_path / form)
        torch.testing.assert_close(logits(read, ids), expected, rtol=1e-4, atol=1e-5)
    full, keep = logits(model, ids), sorted({*range(300), 480, 510, 599})
    vocabulary.trim_embedding(model, keep)
    new = torch.tensor([[keep.index(token) for token in ids[0].tolist()]])
    torch.testing.assert_close(logits(model, new), full[..., keep], rtol=1e-4, atol=1e-5)


def test_rebuilt_rows_of_several_tables_go_in_each_place(model):
    layout = Layout.of(model)
    whole = layout.dense(layout.matrix(model))
    own = logits(model)
    assert {type(part) for part in places(whole).values()} == {Rebuilt, Blocks}
    with put_in(model, whole, train=False):
        torch.testing.assert_close(logits(model), own, rtol=1e-4, atol=1e-5)
