"""`trim`: the folder that it writes is read by transformers and gives what the full model gave."""

import json
from dataclasses import replace

import architectures
import pytest
import torch
import transformers
from transformers import AutoTokenizer

from neutral import corpora, encoding, models
from neutral.cli import main
from neutral.compression import trimmed
from neutral.errors import NeutralError

TEXT = "data/sentences"
EVERYDAY = ("bert-untied", "gemma3_text", "mt5", "qwen3_5")
WITHOUT = {  # what cannot be trimmed, and why
    "byt5": "not with a tokenizer that is written in Python",
    "fsmt": "its head is of its own kind",
    "ibert": "its head is of its own kind",
    "mobilebert": "its head is of its own kind",
    "deepseek_v4": "would not be read again",
    "canine": "has no table of tokens|has no embedding of tokens|no .*tokeni[sz]er|written in Python",
}


def corpus(*languages, lines=60):
    whole = corpora.load(TEXT, list(languages))
    some = {code: text[:lines] for code, text in whole.train.items()}
    return replace(whole, train=some, held_out={code: text[:20] for code, text in whole.held_out.items()})


def loaded(folder):
    """The model as transformers has it, by the class that its configuration names."""
    config = transformers.AutoConfig.from_pretrained(folder)
    return getattr(transformers, config.architectures[0]).from_pretrained(folder, dtype=torch.float32)


def outputs(model, tokens):
    ids = torch.tensor([tokens])
    decoder = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        return model.eval()(input_ids=ids, **decoder)[0]


NAMES = [
    name if name in EVERYDAY else pytest.param(name, marks=pytest.mark.long)
    for name in architectures.ARCHS
    if name not in WITHOUT
]


@pytest.mark.parametrize("name", NAMES)
def test_a_trimmed_folder_reads_its_text_as_the_full_model_does(name, made, tmp_path):
    source, text, language = made(name), corpus("en", "sw"), "en"
    facts = trimmed.write(source, text, tmp_path / "out")
    assert facts.rows[1] < facts.rows[0]
    assert facts.difference < 1e-5
    full, small = models.load_tokenizer(source), AutoTokenizer.from_pretrained(tmp_path / "out")
    keep = json.loads((tmp_path / "out" / trimmed.FILE).read_text())["keep"]
    for lines in text.train.values():
        old, new = encoding.ids(full, lines), encoding.ids(small, lines)
        assert [[keep[token] for token in line] for line in new] == old
    before, after = loaded(source), loaded(tmp_path / "out")
    models.adapters.prepare(before, [language])
    for model in (before, after):
        models.adapters.speak(model, language)
    line = text.train[language][0]
    was, has = outputs(before, full(line)["input_ids"]), outputs(after, small(line)["input_ids"])
    was = was[..., keep] if was.shape != has.shape else was
    torch.testing.assert_close(has, was, rtol=1e-4, atol=1e-4)
    assert small.decode(small(line)["input_ids"]) == full.decode(full(line)["input_ids"])
    assert all(0 <= i < facts.rows[1] for i in models.ids.named(after) if i >= 0)


@pytest.mark.parametrize("name", WITHOUT)
def test_what_cannot_be_trimmed_is_said_and_writes_nothing(name, made, tmp_path):
    with pytest.raises(NeutralError, match=WITHOUT[name]):
        trimmed.write(made(name), corpus("en"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_lost_is_told_by_language(made, tmp_path, capsys):
    text = tmp_path / "text"
    text.mkdir()
    for code in ("en", "sw"):
        (text / f"{code}.txt").write_text("\n".join(corpora.load(TEXT, [code]).train[code][:40]))
    command = ["trim", "--model", str(made("gemma3_text")), "--text", str(text), "--held-out", TEXT]
    assert main([*command, "--languages", "en,sw", "--out", str(tmp_path / "out"), "--format", "json"]) == 0
    told = capsys.readouterr()
    rows = {row["language"]: row for row in json.loads(told.out)}
    full, small = models.load_tokenizer(made("gemma3_text")), models.load_tokenizer(tmp_path / "out")
    for code, lines in corpora.load(text, ["en", "sw"], held_out=TEXT).held_out.items():
        counts = [sum(map(len, encoding.ids(tokenizer, lines))) for tokenizer in (full, small)]
        assert rows[code]["tokens"] == counts[0]
        assert rows[code]["longer"] == pytest.approx(counts[1] / counts[0])
        assert 0.8 < rows[code]["kept"] < 1
    assert "of 600 tokens" in told.err
    assert (tmp_path / "out" / "README.md").read_text().startswith("# gemma3_text")
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_size_too_small_is_one_line_and_leaves_no_folder(made, tmp_path, capsys):
    command = ["trim", "--model", str(made("mt5")), "--text", TEXT, "--languages", "en", "--tokens", "20"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 2
    assert "20 pieces are too few" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
