"""A folder that cannot be loaded is refused in one line that says what is wrong and what to do; its code never runs."""

import json
import os
import pickle
import subprocess
import sys

import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from neutral import models
from neutral.cli import main
from neutral.errors import NeutralError
from neutral.progress import say


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """A tiny BERT with its tokenizer."""
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def folder(bert, tmp_path):
    """A copy of it, to be damaged."""
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def refused(folder, **options):
    """The line that a folder is refused with, by whatever reads it first."""

    def load():
        tokenizer = models.load_tokenizer(folder, **options)
        models.load(folder, models.natural_task(folder, **options), tokenizer=tokenizer, **options)

    with pytest.raises(NeutralError) as error:
        load()
    said = str(error.value)
    assert str(folder) in said
    assert "\n" not in said
    for advice in ("weights_only", "trust_remote_code", "ignore_mismatched_sizes", "pip install"):
        assert advice not in said
    return said


@pytest.mark.parametrize(
    ("cut", "said"),
    [(slice(0), "is empty"), (slice(1000), "is cut or no safetensors file"), (slice(-100), "is cut or no safetensors")],
)
def test_weights_that_are_cut_are_named(folder, cut, said):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[cut])
    assert said in refused(folder)
    assert "model.safetensors" in refused(folder)


def as_pickle(folder, content=None):
    """Put weights into `pytorch_model.bin`, with something more in it."""
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(tensors | ({"more": content} if content else {}), folder / "pytorch_model.bin")
    return folder


class Code:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return os.mkdir, (str(self.file),)


def test_code_in_a_pickle_does_not_run_and_nobody_advises_to_run_it(folder, tmp_path):
    assert models.load(as_pickle(folder), "mlm").new == frozenset()
    for write in (
        lambda content: torch.save(content, folder / "pytorch_model.bin"),
        lambda content: (folder / "pytorch_model.bin").write_bytes(pickle.dumps(content)),
    ):
        write({"more": Code(tmp_path / "ran")})
        said = refused(folder)
        assert "its weights are a pickle that holds code, or is damaged, so it is not opened" in said
        assert "safetensors" in said
        assert "config.json" not in said
        assert not (tmp_path / "ran").exists()


def test_a_file_that_is_no_pickle_is_named(folder):
    as_pickle(folder)
    (folder / "pytorch_model.bin").write_bytes(b"<html>404</html>")
    assert "pytorch_model.bin: is no file of weights" in refused(folder)


@pytest.mark.parametrize("name", ["../other.safetensors", "/etc/hostname", "part/../../other.safetensors"])
def test_an_index_that_names_files_outside_its_folder_is_refused_before_they_are_read(folder, name):
    index(folder, {"a": name})
    assert f"names a file outside its folder ({name!r}), so nothing is read" in refused(folder)


def index(folder, weight_map, metadata=None):
    (folder / "model.safetensors").rename(folder / "whole.safetensors")
    written = {"weight_map": weight_map, "metadata": metadata or {}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(written), encoding="utf-8")


def test_a_broken_index_and_a_missing_shard_are_named(folder):
    index(folder, {"a": "model-00001-of-00002.safetensors"})
    assert "names 'model-00001-of-00002.safetensors', which is missing" in refused(folder)
    for text, said in (("{", "is no JSON"), ("[]", "holds no JSON object"), ('{"weight_map": 3}', "is no index")):
        (folder / "model.safetensors.index.json").write_text(text)
        assert said in refused(folder)


def test_a_whole_index_is_read(folder):
    names = load_file(folder / "model.safetensors")
    index(folder, dict.fromkeys(names, "whole.safetensors"))
    assert models.load(folder, "mlm").new == frozenset()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_attention_heads": 0}, "/config.json: num_attention_heads is 0"),
        ({"num_attention_heads": "four"}, "'num_attention_heads' expected int, got str"),
        ({"hidden_size": [16]}, "'hidden_size' expected int, got list"),
        ({"hidden_size": -5}, "negative dimension"),
        ({"hidden_act": "nope"}, "/config.json: hidden_act is 'nope', which transformers does not have"),
        ({"id2label": 3}, "config.json whole and right?"),
        ({"model_type": "nothing"}, "its architecture (model_type in config.json) is not one that transformers"),
        ({"model_type": 5}, "its architecture (model_type in config.json)"),
    ],
)
def test_a_configuration_that_makes_no_model_is_one_line(folder, settings, said):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    assert said in refused(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "\x00"])
def test_a_configuration_that_is_no_object_is_one_line(folder, text):
    (folder / "config.json").write_text(text)
    assert "config.json: " in refused(folder)


def test_a_folder_without_a_configuration_is_no_model(folder):
    (folder / "config.json").unlink()
    with pytest.raises(NeutralError, match=r"has no config\.json"):
        models.natural_task(folder)


def test_a_gguf_file_that_is_cut_or_missing_is_named(folder):
    (folder / "cut.gguf").write_bytes(b"GGUF\x03\0\0\0")
    assert "cut.gguf: is cut or no GGUF file" in refused(folder, gguf_file="cut.gguf")
    (folder / "cut.gguf").write_bytes(b"GGUF\x03\0\0\0" + bytes(range(200)))
    assert "cut.gguf" in refused(folder, gguf_file="cut.gguf")
    assert "none.gguf: no such file (--gguf)" in refused(folder, gguf_file="none.gguf")


def test_an_adapter_says_of_which_model_it_is(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "bert-base-multilingual-cased"}')
    said = refused(tmp_path)
    assert "is an adapter (PEFT) of bert-base-multilingual-cased, no whole model; merge it into that model" in said


def custom(folder, **settings):
    """Give a folder code of its own, which says that it ran."""
    (folder / "own.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()")
    for name, more in settings.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | more))
    return folder


def test_code_of_a_models_own_never_runs_and_nothing_asks(folder, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it asked"))
    autos = {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"}
    custom(folder, config={"model_type": "own", "auto_map": autos})
    given = ["--model", str(folder), "--text", str(tiny.SENTENCES), "--languages", "en", "--study", str(folder / "s")]
    assert main(["find", *given]) == 2
    said = capsys.readouterr().err
    assert "needs code of its own (auto_map in its configuration), which is never run here" in said
    assert said.count("\n") == 1
    assert not (folder / "ran").exists()


def test_code_that_an_architecture_of_transformers_brings_along_is_left_alone(folder):
    custom(
        folder,
        config={"auto_map": {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"}},
        tokenizer_config={"auto_map": {"AutoTokenizer": ["own.Tokenizer", None]}},
    )
    assert models.load(folder, "mlm", tokenizer=models.load_tokenizer(folder)).new == frozenset()
    assert not (folder / "ran").exists()


def test_the_command_ends_with_2_and_one_line(folder, capsys):
    (folder / "model.safetensors").write_bytes(b"")
    given = ["find", "--model", str(folder), "--text", str(tiny.SENTENCES), "--study", str(folder / "study")]
    assert main([*given, "--languages", "en"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("neutral: ")
    assert said.count("\n") == 1
    assert not (folder / "study").exists()


def test_a_fault_of_our_own_is_not_called_the_users(folder, monkeypatch):
    """Only what transformers raises becomes a line."""
    from neutral.models import weights

    monkeypatch.setattr(weights, "require", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        models.load(folder, "mlm")
    save_file({"a": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})


def rewritten(folder, change):
    """Rewrite a folder's weights; `change` takes a dict of them and changes it."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


QUERY = "bert.encoder.layer.0.attention.self.query.weight"


@pytest.mark.parametrize(("kind", "said"), [(torch.int8, "I8"), (torch.float8_e4m3fn, "F8_E4M3"), (torch.uint8, "U8")])
def test_a_quantised_matrix_without_a_configuration_of_it_is_refused(folder, kind, said):
    rewritten(folder, lambda tensors: tensors.update({QUERY: tensors[QUERY].mul(50).to(kind)}))
    line = refused(folder)
    assert f"1 of its matrices is quantised ({QUERY} ({said}))" in line
    assert "has no quantization_config" in line


SCALES = ("weight_scale", "weight_scale_inv", "SCB", "qweight", "qzeros", "scales", "weight.absmax", "weight_format")


@pytest.mark.parametrize("name", [*SCALES, "weight.quant_state.bitsandbytes__nf4"])
def test_scales_of_quantised_weights_are_not_left_out_with_a_note(folder, name):
    scale = QUERY.removesuffix("weight") + name
    rewritten(folder, lambda tensors: tensors.update({scale: torch.ones(16)}))
    assert f"its weights are quantised ({scale}), and its config.json has no quantization_config" in refused(folder)
    with pytest.raises(NeutralError, match="quantised"):
        models.look(folder)


def test_positions_of_whole_numbers_and_other_names_are_no_quantised_weights(folder):
    more = {"bert.embeddings.position_ids": torch.arange(512)[None], "bert.layer_scales_of_old": torch.ones(2)}
    assert len(models.load(rewritten(folder, lambda tensors: tensors.update(more)), "mlm").notes) == 1


def configured(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


def test_a_configuration_of_far_more_weights_than_the_files_hold_is_refused(folder):
    held = (folder / "model.safetensors").stat().st_size
    line = refused(configured(folder, vocab_size=10**9))
    assert line.startswith(f"{folder}: its config.json describes a model of 17,000,")
    assert f"weights, and its files have {held:,} bytes" in line


@pytest.mark.parametrize("settings", [{"num_hidden_layers": 10**9}, {"text_config": {"num_hidden_layers": 1e9}}])
def test_layers_without_end_are_refused_before_they_are_built(folder, settings):
    assert "config.json: num_hidden_layers is 1,000,000,000" in refused(configured(folder, **settings))


def test_no_text_configuration_at_all_is_not_the_architectures_default(folder):
    configured(folder, model_type="gemma3", text_config=None)
    assert "describes a model of 2," in refused(folder)


def test_weights_that_are_absent_are_said_with_what_there_is(folder):
    (folder / "model.safetensors").unlink()
    assert "has no weights that can be read (model.safetensors, pytorch_model.bin)" in refused(folder)
    (folder / "tf_model.h5").write_bytes(b"h5")
    assert refused(folder).endswith("pytorch_model.bin); it has tf_model.h5")
    (folder / "model.safetensors").symlink_to("nowhere")
    assert refused(folder).endswith("; it has model.safetensors, tf_model.h5")
    (folder / "q4.gguf").write_bytes(b"GGUF")
    assert refused(folder).endswith("; to load from q4.gguf, give --gguf q4.gguf")
    (folder / "config.json").unlink()
    with pytest.raises(NeutralError, match=r"no model's folder; to load from q4\.gguf, give --gguf q4\.gguf"):
        models.natural_task(folder)


def test_names_in_files_break_no_line_and_colour_no_terminal(folder, tmp_path, capsys):
    base = "a\nneutral: done\x1b[31m\u202e"
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": base}))
    assert "of a neutral: done [31m , no whole model" in refused(folder)
    given = ["find", "--model", str(folder), "--text", str(tiny.SENTENCES), "--study", str(tmp_path / "study")]
    assert main([*given, "--languages", "en"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "\x1b" not in said


def test_notes_that_a_study_keeps_have_no_control_characters(folder, capsys):
    rewritten(folder, lambda tensors: tensors.update({"odd\nname\x1b[31m": torch.ones(2)}))
    for notes in (models.load(folder, "mlm").notes, models.look(folder).notes):
        assert notes == ("weights of the checkpoint that have no place in BertForMaskedLM are left out: odd name [31m",)
    say(["one\ntwo\x1b[0m"])
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("content", [{QUERY: 1}, [1, 2], torch.ones(3)])
def test_a_pickle_that_holds_no_tensors_by_name_is_not_blamed_on_the_configuration(folder, content):
    as_pickle(folder)
    torch.save(content, folder / "pytorch_model.bin")
    assert "does its pytorch_model.bin hold a dict of tensors?" in refused(folder)


def test_a_pickle_that_is_cut_is_called_so(folder):
    as_pickle(folder)
    file = folder / "pytorch_model.bin"
    file.write_bytes(file.read_bytes()[:-2000])
    assert refused(folder).endswith("its weights (pytorch_model.bin) are cut or damaged; copy or download them again")


@pytest.mark.parametrize(("text", "said"), [("[]", "holds no JSON object"), ("", "is no JSON"), ("{", "is no JSON")])
def test_a_tokenizer_that_is_no_object_is_named(folder, text, said):
    (folder / "tokenizer.json").write_text(text)
    assert f"tokenizer.json: {said}" in refused(folder)


def test_a_configuration_with_a_byte_order_mark_says_so(folder):
    path = folder / "config.json"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert "config.json: begins with a byte order mark" in refused(folder)


def test_no_name_of_a_model_is_not_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for load in (models.load_tokenizer, models.natural_task, models.load):
        with pytest.raises(NeutralError, match="--model: is empty"):
            load("")


def test_warnings_of_torch_do_not_stand_before_the_line(folder):
    configured(folder, intermediate_size=0)
    command = [sys.executable, "-m", "neutral", "model", "show", "--model", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stderr, "what is missing is said"
    assert "Warning" not in ran.stderr
    assert all(line.startswith("neutral: ") for line in ran.stderr.splitlines())


def test_a_truncated_gguf_file_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "cut.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    for arguments in ([str(tmp_path), "--gguf", "cut.gguf"], [str(tmp_path)], [str(tmp_path / "cut.gguf")]):
        assert main(["model", "show", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "cut.gguf" in said
