"""A text that a tokenizer does not know is refused, or told of; a folder without a tokenizer has none."""

import json

import pytest
import tiny
from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers import models as kinds
from transformers import AutoConfig, ByT5Tokenizer, CanineTokenizer, PreTrainedTokenizerFast

from neutral import models
from neutral.cli import main
from neutral.errors import NeutralError
from neutral.models.tokenizers import unknown
from neutral.study import Study

WITHOUT = "has no tokenizer (no tokenizer.json, vocab.txt, …)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny BERT whose tokenizer was trained on English and Swahili."""
    return tiny.saved(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tokenizer(folder):
    return models.load_tokenizer(folder)


@pytest.mark.parametrize(
    "kind", ["bert", "xlm-roberta", "mt5", "gpt2", "llama", "gemma3_text", "xglm", "mbart", "qwen2", "m2m_100", "bloom"]
)
def test_a_folder_without_a_tokenizer_is_refused_whatever_transformers_builds_for_it(kind, tmp_path):
    AutoConfig.for_model(kind).save_pretrained(tmp_path)
    with pytest.raises(NeutralError, match="has no tokenizer") as error:
        models.load_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


def test_a_tokenizer_whose_vocabulary_is_missing_is_none(folder, tmp_path):
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(NeutralError) as error:
        models.load_tokenizer(tmp_path)
    assert WITHOUT in str(error.value)


def test_a_tokenizer_without_files_of_a_vocabulary_may_still_be_one(tmp_path):
    for kind, made in (("byt5", ByT5Tokenizer()), ("canine", CanineTokenizer())):
        made.save_pretrained(tmp_path / kind)
        AutoConfig.for_model("t5" if kind == "byt5" else kind).save_pretrained(tmp_path / kind)
        assert unknown(models.load_tokenizer(tmp_path / kind), ["Ünknown 你好"]) == 0


def test_nothing_is_loaded_before_the_tokenizer(tmp_path, folder, capsys, monkeypatch):
    for file in folder.glob("*"):
        if not file.name.startswith("token"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in ("vocab.txt", "special_tokens_map.json"):
        (tmp_path / name).unlink(missing_ok=True)
    monkeypatch.setattr(models, "load", lambda *_, **__: pytest.fail("the weights were loaded"))
    given = ["--model", str(tmp_path), "--text", str(tiny.SENTENCES), "--languages", "en,sw"]
    for command in ("find", "compress"):
        assert main([command, *given, "--study", str(tmp_path / "study")]) == 2
        assert WITHOUT in capsys.readouterr().err


def test_the_share_of_unknown_tokens_is_counted_by_the_definition(tokenizer):
    lines = [*tiny.text(("en",)).train["en"][:5], "你好 世界", "the 你好"]
    rows = [tokenizer.tokenize(line) for line in lines]
    tokens = [token for row in rows for token in row]
    tokens = [token for token in tokens if token == "[UNK]" or any(map(str.isalnum, token))]
    assert unknown(tokenizer, lines) == tokens.count("[UNK]") / len(tokens) > 0
    assert unknown(tokenizer, lines[:5]) == 0
    assert unknown(tokenizer, ["你好 世界"]) == 1
    assert unknown(tokenizer, ["", "  "]) == 0


def test_a_line_without_any_token_counts_as_an_unknown_one():
    letters = Tokenizer(kinds.BPE(vocab={"a": 0, "b": 1}, merges=[]))
    known_to_nobody = PreTrainedTokenizerFast(tokenizer_object=letters)
    assert unknown(known_to_nobody, ["你好"]) == 1
    assert unknown(known_to_nobody, ["ab", "你好"]) == 1 / 3


def pieces(*words):
    """A tokenizer of pieces, which begin with ▁ where a space was before them."""
    made = Tokenizer(
        kinds.Unigram([("<unk>", 0.0), ("▁", -2.0), *((word, -1.0) for word in words)], unk_id=0, byte_fallback=False)
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")


def test_a_mere_space_before_an_unknown_word_is_not_known_text():
    tokenizer = pieces("▁the", "▁a", "好")
    assert tokenizer("你 世 界", add_special_tokens=False)["input_ids"] == [1, 0] * 3
    assert unknown(tokenizer, ["你 世 界"]) == 1
    assert unknown(tokenizer, ["the 你 a 世"]) == 1 / 2
    assert tokenizer("好 好", add_special_tokens=False)["input_ids"] == [1, 4] * 2
    assert unknown(tokenizer, ["好 好", "the a"]) == 0
    assert unknown(tokenizer, ["  ▁ "]) == 1
    with_stop = pieces("▁the", ",", ".")
    assert unknown(with_stop, ["你,世界."]) == 1, "a full stop is no word"
    assert unknown(with_stop, ["...", "the, the."]) == 0
    with pytest.raises(NeutralError, match=r"does not know the text of zh \(100% of its tokens unknown\)"):
        models.require_known("model", tokenizer, {"zh": ["你 世 界"]})


def test_bytes_know_everything():
    made = Tokenizer(kinds.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<unk>"], initial_alphabet=alphabet)
    made.train_from_iterator(["a text"], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>")
    assert unknown(tokenizer, ["你好 world ￼"]) == 0


def test_a_language_that_is_hardly_known_is_refused_with_its_share(tokenizer):
    text = {"en": ["the people of the world"], "zh": ["你好 世界 你好 世界 . the"] * 2}
    with pytest.raises(NeutralError) as error:
        models.require_known("model", tokenizer, text)
    assert "model: its tokenizer does not know the text of zh (80% of its tokens unknown); leave out" in str(
        error.value
    )


def test_a_share_above_a_tenth_is_a_note(tokenizer):
    shares, notes = models.require_known("model", tokenizer, {"en": ["the"] * 9, "sw": ["the 你好"]})
    assert shares == {"en": 0, "sw": 0.5}
    assert notes == ("much of the text is unknown to the tokenizer: sw (50% of its tokens unknown)",)
    assert models.require_known("model", tokenizer, {"en": ["the " * 9 + "你"]}) == ({"en": 0.1}, ())


def write(folder, texts):
    folder.mkdir()
    for code, lines in texts.items():
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_the_warning_is_said_and_stays_in_the_study(folder, tmp_path, capsys):
    corpus = tiny.text(("en", "sw")).train
    text = write(
        tmp_path / "text", {"en": corpus["en"], "sw": [f"{line} 你好 世界 你好 世界" for line in corpus["sw"]]}
    )
    given = ["--model", str(folder), "--text", str(text), "--length", "32", "--device", "cpu"]
    find = "--method magnitude --sparsity 0.5 --steps 0 --held-out-blocks 2"
    compress = "--methods svd --ratios 2 --held-out-blocks 2"
    for command, options in (("find", find), ("compress", compress)):
        assert main([command, *given, *options.split(), "--study", str(tmp_path / command)]) == 0
        said = capsys.readouterr().err
        assert "neutral: much of the text is unknown to the tokenizer: sw (" in said
        info = Study(tmp_path / command).info
        assert info["unknown"]["en"] == 0
        assert 0.1 < info["unknown"]["sw"] < 0.75
        assert [note for note in info["notes"] if "unknown" in note] == [
            line.removeprefix("neutral: ") for line in said.splitlines() if "unknown" in line
        ]


def test_a_study_of_a_known_text_has_no_notes(folder, tmp_path, capsys):
    text = write(tmp_path / "text", tiny.text(("en", "sw")).train)
    options = "--method random --sparsity 0.5 --steps 0 --length 32 --held-out-blocks 2 --device cpu"
    given = ["find", "--model", str(folder), "--text", str(text), "--study", str(tmp_path / "study")]
    assert main([*given, *options.split()]) == 0
    assert "note:" not in capsys.readouterr().err
    info = json.loads((tmp_path / "study" / "study.json").read_text())
    assert info["unknown"] == {"en": 0, "sw": 0}
    assert "notes" not in info
