"""Models with a compressed table as folders: what transformers reads of each form, and what it refuses."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
import torch
import transformers
from safetensors.torch import load_file, save_file
from test_placement import D, V, logits, network
from transformers import AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

from neutral import compression, models
from neutral.compression import exports
from neutral.compression.exports import packed
from neutral.compression.layers import CompressedEmbedding
from neutral.compression.placement import embedding, put_in, tied
from neutral.errors import FileError, NeutralError

pytestmark = pytest.mark.numeric

AUTO = {"bert": AutoModelForMaskedLM, "llama": AutoModelForCausalLM, "gemma3_text": AutoModelForCausalLM}
AUTO |= dict.fromkeys(("t5", "bart"), AutoModelForSeq2SeqLM)
LANGUAGES = {"sw": 1.25, "en": 1.01}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return models.load_tokenizer(tiny.saved(tmp_path_factory.mktemp("tokenizer")))


def a_table(model, method="int4", **options):
    return compression.fit(embedding(model).weight, method, 4.0 if method == "int4" else 2.0, by="bytes", **options)


def stored(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("where", ["input", "both"])
@pytest.mark.parametrize("kind", AUTO)
def test_a_neutral_folder_is_the_model_with_the_table_in_place_and_is_saved_as_such_again(
    kind, where, tokenizer, tmp_path
):
    model = network(kind)
    before, table = logits(model), a_table(model, "svd" if kind == "llama" else "int4")
    written = exports.write(model, table, tokenizer, tmp_path / "out", "neutral", where)
    assert torch.equal(logits(model), before)
    assert not hasattr(model.config, "quantization_config")
    with put_in(model, table, where, train=False):
        expected = logits(model)
    first = AUTO[kind].from_pretrained(tmp_path / "out")
    first.save_pretrained(tmp_path / "again")
    for loaded in (first, AUTO[kind].from_pretrained(tmp_path / "again")):
        assert torch.equal(logits(loaded), expected)
        assert isinstance(loaded.get_input_embeddings(), CompressedEmbedding)
        held = loaded.get_input_embeddings()._stored[0].tensors
        assert {name: (part.dtype, part.shape) for name, part in held.items()} == {
            name: (part.dtype, part.shape) for name, part in table.tensors.items()
        }
    assert stored(tmp_path / "out").keys() == stored(tmp_path / "again").keys()
    assert written.table == written.claimed == table.bytes
    assert written.weights == sum(tensor.nbytes for tensor in stored(tmp_path / "out").values())
    assert (V, D) not in {tuple(tensor.shape) for tensor in held.values()}


def test_a_neutral_folder_takes_the_type_that_is_asked_for_and_the_table_keeps_its_own(tokenizer, tmp_path):
    model = network("gemma3_text")
    table = a_table(model)
    exports.write(model, table, tokenizer, tmp_path / "out", "neutral", dtype=torch.bfloat16)
    kinds = {tensor.dtype for name, tensor in stored(tmp_path / "out").items() if "stored" not in name}
    assert kinds == {torch.bfloat16, torch.float32}  # float32 is the guard, which is empty
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert loaded.dtype == torch.bfloat16
    assert loaded.get_input_embeddings()._stored[0].scales.dtype == torch.float16
    wide = AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype=torch.float32)
    with put_in(model, table, train=False):
        torch.testing.assert_close(logits(wide), logits(model), rtol=0.05, atol=0.05)
    body = AutoModel.from_pretrained(tmp_path / "out", dtype=torch.float32)
    assert isinstance(body.get_input_embeddings(), CompressedEmbedding)
    assert float(body.get_input_embeddings().embed_scale) == pytest.approx(D**0.5)


def test_a_neutral_folder_generates_serves_a_pipeline_and_trains(tokenizer, tmp_path):
    model = tiny.model("llama", len(tokenizer), pad_token_id=0, bos_token_id=2, eos_token_id=3)
    exports.write(model, a_table(model), tokenizer, tmp_path / "out", "neutral")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    ids = loaded.generate(torch.tensor([[5, 6]]), max_new_tokens=4, do_sample=False)
    assert ids.shape[1] > 2
    made = transformers.pipeline("text-generation", str(tmp_path / "out"))("rain", max_new_tokens=2)
    assert made[0]["generated_text"].startswith("rain")
    data = [{"input_ids": [5, 6, 7, 8], "labels": [5, 6, 7, 8]}] * 4
    how = transformers.TrainingArguments(tmp_path / "run", max_steps=2, report_to=[], use_cpu=True, learning_rate=0.1)
    table, norm = loaded.get_input_embeddings().table().tensors, loaded.model.norm.weight.clone()
    transformers.Trainer(loaded, how, train_dataset=data).train()
    assert not torch.equal(loaded.model.norm.weight, norm)
    loaded.save_pretrained(tmp_path / "tuned")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "tuned")
    assert torch.equal(logits(again), logits(loaded.eval()))
    for name, tensor in again.get_input_embeddings().table().tensors.items():
        assert torch.equal(tensor, table[name]), "the table itself does not train"


def test_a_neutral_folder_that_is_damaged_is_said(tokenizer, tmp_path):
    folder = tmp_path / "out"
    exports.write(network("llama"), a_table(network("llama")), tokenizer, folder, "neutral")
    whole = stored(folder)
    name = next(name for name in whole if name.endswith("codes"))
    save_file({key: part for key, part in whole.items() if key != name}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(NeutralError, match=r"lack tensors of the compressed table \(codes\)"):
        AutoModelForCausalLM.from_pretrained(folder)
    save_file(whole, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    table = config["quantization_config"]["table"]
    for broken in (
        {"method": "nothing"},
        {"shape": [60]},
        {"shape": [10**9, 10**9]},
        {"tensors": {"codes": ["int8", [60, 16]]}},
        {"tensors": {"codes": ["object", [60, 16]], "scales": ["float16", [60, 1]]}},
    ):
        said = config | {"quantization_config": config["quantization_config"] | {"table": table | broken}}
        (folder / "config.json").write_text(json.dumps(said))
        with pytest.raises(NeutralError, match="no table that is known"):
            AutoModelForCausalLM.from_pretrained(folder)


@pytest.mark.parametrize(("method", "group"), [("int8", None), ("int4", 8), ("int4", None)])
def test_packed_codes_are_the_integers_lowest_bits_first(method, group):
    table = a_table(network("llama"), method, group=group)
    bits = table.bits
    words = packed.pack([table]).numpy().astype(np.int64) & 0xFFFFFFFF
    codes = np.stack([words >> shift & 2**bits - 1 for shift in range(0, 32, bits)], axis=-1).reshape(V, D)
    scales = table.tensors["scales"].float().repeat_interleave(int(table.settings["group"]), dim=1)
    torch.testing.assert_close(torch.from_numpy(codes - 2 ** (bits - 1)).float() * scales, table.matrix())


@pytest.mark.parametrize("where", ["input", "both"])
def test_compressed_tensors_holds_what_its_layers_need_apart(where, tokenizer, tmp_path):
    model = network("llama")
    table = a_table(model, "int8", group=8)
    written = exports.write(model, table, tokenizer, tmp_path / "out", "compressed-tensors", where)
    config, tensors = json.loads((tmp_path / "out" / "config.json").read_text()), stored(tmp_path / "out")
    assert config["tie_word_embeddings"] is False
    (group,) = config["quantization_config"]["config_groups"].values()
    assert group["weights"] | {"group_size": 8, "strategy": "group", "num_bits": 8} == group["weights"]
    assert len(group["targets"]) == (2 if where == "both" else 1)
    held = {name for name in tensors if name.endswith("weight_packed")}
    assert held == {"model.embed_tokens.weight_packed", "lm_head.weight_packed"} - (
        {"lm_head.weight_packed"} if where == "input" else set()
    )
    assert ("lm_head.weight" in tensors) == (where == "input")
    assert written.table == table.bytes * len(held)
    assert tied(model)


def test_what_a_form_cannot_hold_is_one_line(tokenizer, tmp_path):
    def refused(kind, method="int4", where=None, form="compressed-tensors", **options):
        model = network(kind)
        with pytest.raises(NeutralError) as caught:
            exports.write(model, a_table(model, method, **options), tokenizer, tmp_path / "no", form, where)
        assert not (tmp_path / "no").exists()
        assert list(tmp_path.iterdir()) == []
        return str(caught.value)

    assert "int8 and int4 only, not svd" in refused("llama", "svd")
    assert "several layers look up its token table" in refused("t5")
    assert "groups of 6 do not divide rows of 16" in refused("llama", group=6)
    assert "--as gguf: unknown" in refused("llama", form="gguf")


def test_an_export_replaces_an_export_and_nothing_else(tokenizer, tmp_path, monkeypatch):
    model, folder = network("llama"), tmp_path / "out"
    table = a_table(model)
    exports.write(model, table, tokenizer, folder, "plain")
    exports.write(model, table, tokenizer, folder, "neutral")
    assert "quantization_config" in json.loads((folder / "config.json").read_text())
    was = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(type(tokenizer), "save_pretrained", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(NeutralError):
        exports.write(model, table, tokenizer, folder, "plain")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == was
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match="no export"):
        exports.write(model, table, tokenizer, tmp_path / "mine")
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


def test_the_card_says_what_was_done_and_how_to_load_it(tokenizer, tmp_path):
    model = network("llama")
    lost = {"language": "sw", "tokens": 641, "kept": 0.9, "longer": 1.07, "unknown": 0.0}
    origin = exports.Origin("gemma", "int4, trimmed", LANGUAGES, "ntrex", {"rows": [1000, 60], "languages": [lost]})
    table = a_table(model)
    written = exports.write(model, table, tokenizer, tmp_path / "out", "neutral", origin=origin)
    card = (tmp_path / "out" / "README.md").read_text()
    for said in (
        "gemma, its token table of 60 × 16 numbers compressed by int4, trimmed",
        "from 1,000 to 60 tokens",
        "| sw Swahili | 641 | 90.00% | 1.070 | 0.00% |",
        "| en English | 1.010 |\n| sw Swahili | 1.250 |",
        "(ntrex)",
        f"| token table | {4 * V * D:,} | {table.bytes:,} |",
        "import neutral  # which tells transformers of the table\nfrom transformers import AutoModelForCausalLM, Auto",
        'AutoModelForCausalLM.from_pretrained("DIR")',
    ):
        assert said in card
    told = json.loads((tmp_path / "out" / exports.FILE).read_text())
    assert (told["form"], told["table"], told["origin"]["perplexity"]) == ("neutral", written.table, LANGUAGES)
    assert json.loads((tmp_path / "out" / "trimming.json").read_text())["rows"] == [1000, 60]


def alone(code, *, neutral=True):
    """Run code in a process of its own, that can import `neutral` or cannot."""
    here = ["-c", f"import sys; sys.path.insert(0, {str(tiny.__file__).rpartition('/tests/')[0]!r})\n{code}"]
    isolated = [] if neutral else ["-I"]
    run = [sys.executable, *isolated, *(here if neutral else ["-c", code])]
    return subprocess.run(run, capture_output=True, text=True, check=False, cwd="/", timeout=600)


@pytest.mark.long
def test_the_quantizer_is_there_whichever_is_imported_first(tokenizer, tmp_path):
    exports.write(network("llama"), a_table(network("llama")), tokenizer, tmp_path / "out", "neutral")
    load = f"AutoModelForCausalLM.from_pretrained({str(tmp_path / 'out')!r}); print(type(m.get_input_embeddings()))"
    for first in (
        "import neutral, importlib; importlib.reload(neutral); from transformers import AutoModelForCausalLM",
        "import transformers.quantizers.auto, neutral; from transformers import AutoModelForCausalLM",
    ):
        done = alone(f"{first}; m = {load}")
        assert "CompressedEmbedding" in done.stdout, done.stderr
    light = alone("import neutral; print([name for name in ('torch', 'transformers') if name in sys.modules])")
    assert light.stdout.strip() == "[]"


@pytest.mark.long
def test_without_neutral_transformers_says_so_and_stops(tokenizer, tmp_path):
    exports.write(network("llama"), a_table(network("llama")), tokenizer, tmp_path / "out", "neutral")
    code = "from transformers import AutoModelForCausalLM as A; A.from_pretrained({!r})".format(str(tmp_path / "out"))
    done = alone(code, neutral=False)
    assert done.returncode != 0
    assert "import neutral first" in done.stderr
    assert "model.embed_tokens.weight" in done.stderr
    assert "No module named" not in done.stderr


@pytest.mark.long
def test_compressed_tensors_is_read_where_there_is_no_neutral(tokenizer, tmp_path):
    """By its own package, in an environment with torch and transformers of this one."""
    packages = tmp_path / "packages"
    get = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", packages]
    names = ["compressed-tensors==0.20.0", "loguru==0.7.3"]
    got = subprocess.run([*get, *names], capture_output=True, text=True, check=False)
    if got.returncode:
        said = f"compressed-tensors cannot be had: {got.stderr.strip().splitlines()[-1]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(said)
    cases = {}
    for kind, method, group, where in (
        ("llama", "int4", 8, "both"),
        ("llama", "int8", None, "both"),
        ("gemma3_text", "int4", 8, "input"),
        ("bert", "int8", 8, "both"),
    ):
        model, out = network(kind), tmp_path / f"{kind}-{method}-{where}"
        table = a_table(model, method, group=group)
        exports.write(model, table, tokenizer, out, "compressed-tensors", where)
        with put_in(model, table, where, train=False):
            cases[str(out)] = (AUTO[kind].__name__, logits(model).tolist())
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    done = alone(
        f"""import importlib.util, json, sys
sys.path.insert(0, {str(packages)!r})
assert importlib.util.find_spec("neutral") is None
import torch, transformers
ids = torch.randint(3, {V}, (2, 7), generator=torch.Generator().manual_seed(3))
for folder, (auto, expected) in json.load(open({str(tmp_path / "cases.json")!r})).items():
    model = getattr(transformers, auto).from_pretrained(folder).eval()
    with torch.no_grad():
        found = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    expected = torch.tensor(expected)
    print(folder, float((found - expected).abs().max() / expected.abs().max()))
""",
        neutral=False,
    )
    differences = [float(line.split()[-1]) for line in done.stdout.splitlines() if line.startswith(str(tmp_path))]
    assert len(differences) == len(cases), done.stderr
    assert max(differences) < 2e-3  # the package rebuilds the numbers in the scales' float16
