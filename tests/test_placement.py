import gc
import weakref
from contextlib import contextmanager

import plaintables
import pytest
import tiny
import torch
from safetensors import safe_open
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
    ViTConfig,
    ViTModel,
)

from neutral import models
from neutral.compression.exports import write as export
from neutral.compression.placement import CompressedEmbedding, CompressedHead, put_in, tied
from neutral.compression.table import Table
from neutral.errors import NeutralError
from neutral.tasks import LanguageModelling

pytestmark = pytest.mark.numeric

V, D = 60, 16
SHAPES = tiny.SHAPES | {
    "gemma3_text": tiny.SHAPES["llama"] | {"head_dim": 8, "sliding_window": 8},
    "t5": tiny.SHAPES["mt5"],
    "electra": tiny.SHAPES["bert"] | {"embedding_size": 16},
    "bart": {
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "decoder_ffn_dim": 32,
        "scale_embedding": True,
    },
}
HEADS = dict.fromkeys(("gpt2", "llama", "gemma3_text"), AutoModelForCausalLM)
HEADS |= dict.fromkeys(("t5", "mt5", "bart"), AutoModelForSeq2SeqLM)


def codes(v=V, d=D):
    return plaintables.codes(v, d)


def factors(v=V, d=D):
    return plaintables.factors(v, d)


def network(kind, seed=0, **options):
    torch.manual_seed(seed)
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    tie = {} if kind in ("t5", "mt5") else {"tie_word_embeddings": True}
    config = AutoConfig.for_model(kind, vocab_size=V, **(SHAPES[kind] | special | tie | options))
    model = HEADS.get(kind, AutoModelForMaskedLM).from_config(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # a fresh model's are zero, which would hide a lost one
            nn.init.normal_(parameter, std=0.1)
    return model


def logits(model):
    draw = torch.Generator().manual_seed(3)
    ids = torch.randint(3, V, (2, 7), generator=draw)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids.flip(1)
    with torch.no_grad():
        return model(**inputs).logits


def overwritten(kind, matrix, where):
    """The plain way: the same model whose matrix is overwritten; for "input" the output layer gets its own copy."""
    model = network(kind)
    own = model.get_input_embeddings().weight
    if where == "input":
        model.get_output_embeddings().weight = nn.Parameter(own.detach().clone())
    own.data.copy_(matrix)
    return model


def bits(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


KINDS = ["bert", "xlm-roberta", "distilbert", "electra", "gpt2", "llama", "gemma3_text", "t5", "mt5", "bart"]


@pytest.mark.parametrize("table", [codes(), factors()], ids=["codes", "factors"])
@pytest.mark.parametrize("where", ["input", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_table_in_place_acts_as_its_matrix_would(kind, where, table):
    model = network(kind)
    before = logits(model)
    with put_in(model, table, where) as placement:
        assert placement.where == where
        expected = logits(overwritten(kind, table.matrix(), where))
        torch.testing.assert_close(logits(model), expected, rtol=1e-5, atol=1e-5)
        assert not torch.allclose(before, expected, atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_removed_the_model_is_as_before_bit_for_bit(kind):
    model = network(kind)
    before, state, modules = logits(model), bits(model), [id(m) for m in model.modules()]
    placement = put_in(model, factors())
    assert placement.where == "both"
    for parameter in model.parameters():
        if parameter.shape[-1] == 3:  # as training would
            parameter.data.zero_()
    placement.remove()
    placement.remove()
    assert [id(m) for m in model.modules()] == modules
    assert tied(model)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(logits(model), before)


def test_without_a_word_a_table_goes_where_the_matrix_was():
    assert put_in(network("bert"), codes()).where == "both"
    assert put_in(network("llama", tie_word_embeddings=False), codes()).where == "input"
    config = AutoConfig.for_model("bert", vocab_size=V, **SHAPES["bert"])
    assert codes().put_in(AutoModel.from_config(config)).where == "input"


def test_an_untied_model_keeps_its_output_layer():
    model = network("llama", tie_word_embeddings=False)
    head = model.get_output_embeddings()
    put_in(model, codes())
    assert model.get_output_embeddings() is head
    assert not any(isinstance(m, CompressedHead) for m in model.modules())


@contextmanager
def largest_made():
    """Collect the number of elements of the largest tensor that any operation makes."""

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            out = function(*args, **(kwargs or {}))
            made.extend(t.untyped_storage().nbytes() for t in tree_leaves(out) if isinstance(t, torch.Tensor))
            return out

    made = []
    with Watch():
        yield made


@pytest.mark.parametrize("make", [codes, factors])
def test_the_input_side_never_holds_or_makes_the_whole_matrix(make):
    config = AutoConfig.for_model("bert", vocab_size=20_000, **SHAPES["bert"])
    model = AutoModelForSequenceClassification.from_config(config)
    own = weakref.ref(model.get_input_embeddings().weight)
    table = make(20_000)
    placement = put_in(model, table, train=False)
    ids = torch.arange(30).reshape(2, 15)
    with largest_made() as made:
        model(input_ids=ids).logits.sum().backward()
    assert max(made) <= max(t.nbytes for t in table.tensors.values())  # reading a stored tensor is no new one
    held = sum(t.nbytes for m in model.modules() if isinstance(m, CompressedEmbedding) for t in m.buffers())
    assert held == table.bytes
    assert not any(p.shape[0] == 20_000 for p in model.parameters())
    del placement
    gc.collect()
    assert own() is None


@pytest.mark.parametrize("where", ["input", "both"])
def test_factors_train_and_the_callers_table_stays_as_it_was(where):
    model, table = network("bert"), factors()
    before = {name: tensor.clone() for name, tensor in table.tensors.items()}
    placement = put_in(model, table, where)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    ids = torch.arange(3, 13).reshape(1, 10)
    model(input_ids=ids, labels=ids.flip(1)).loss.backward()
    optimizer.step()
    trained = placement.table()
    assert all(torch.equal(table.tensors[name], before[name]) for name in before)
    assert isinstance(trained, plaintables.Factors)
    assert {t.dtype for t in trained.tensors.values()} == {torch.float16}
    changed = (trained.tensors["latents"] != before["latents"]).any(dim=1)
    assert changed[3:13].all()
    assert changed[13:].any() == (where == "both")  # as rows of the output layer every token has a gradient
    assert not torch.equal(trained.tensors["decoder"], before["decoder"])
    torch.testing.assert_close(logits(model), logits(put_back(placement, model, trained, where)), atol=5e-3, rtol=5e-3)


def put_back(placement, model, table, where):
    placement.remove()
    table.put_in(model, where)
    return model


def test_the_gradient_of_factors_is_that_of_the_matrix_carried_on():
    """dL/dlatents = dL/dX · decoderᵀ and dL/ddecoder = latentsᵀ · dL/dX, with X the matrix that is rebuilt."""
    table = factors()
    plain = overwritten("gemma3_text", table.matrix(), "both")
    model = network("gemma3_text")
    put_in(model, table)
    ids = torch.arange(3, 13).reshape(1, 10)
    for each in (plain, model):
        each(input_ids=ids, labels=ids.flip(1)).loss.backward()
    full = plain.get_input_embeddings().weight.grad
    stored = model.get_input_embeddings().stored
    latents, decoder = (t.float() for t in table.tensors.values())
    torch.testing.assert_close(stored.latents.grad, full @ decoder.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(stored.decoder.grad, latents.T @ full, rtol=1e-4, atol=1e-5)


def test_the_padding_row_gives_no_gradient():
    model = network("bert")
    put_in(model, factors(), "input")
    model(input_ids=torch.tensor([[5, 6, 0]])).logits.sum().backward()
    gradient = model.get_input_embeddings().stored.latents.grad
    assert gradient[0].eq(0).all()
    assert gradient[5].ne(0).any()


def test_codes_do_not_train_and_neither_does_anything_when_told_not_to():
    for table, train in ((codes(), True), (factors(), False)):
        model = network("bert")
        put_in(model, table, train=train)
        assert list(model.get_input_embeddings().parameters()) == []
        assert {n: t.dtype for n, t in model.get_input_embeddings().stored.named_buffers()} == {
            n: t.dtype for n, t in table.tensors.items()
        }


def test_a_trained_table_is_saved_and_read_again(tmp_path):
    model = network("gpt2")
    placement = put_in(model, factors())
    model.get_input_embeddings().stored.latents.data += 1
    placement.table().save(tmp_path / "table.safetensors")
    again = Table.load(tmp_path / "table.safetensors")
    assert torch.equal(again.matrix(), placement.table().matrix())
    assert again.bytes == factors().bytes


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_with_a_table_in_place_is_saved_with_its_codes(kind, tmp_path):
    """As the Worker's checkpoints are: every stored tensor once, the matrix not at all."""
    model = network(kind)
    put_in(model, codes())
    model.save_pretrained(tmp_path)
    with safe_open(tmp_path / "model.safetensors", framework="pt") as file:
        sizes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    assert [name.split(".")[-1] for name, size in sizes.items() if size == (V, D)] == ["codes"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rows_and_logits_have_the_type_of_the_model(dtype):
    model = network("gemma3_text").to(dtype)
    put_in(model, codes())
    ids = torch.tensor([[4, 5]])
    expected = codes().rows(ids).to(dtype) * torch.tensor(D**0.5).to(dtype)
    assert torch.equal(model.get_input_embeddings()(ids), expected)
    assert logits(model).dtype == dtype


def test_rows_are_rebuilt_in_full_precision_under_autocast():
    model = network("bert")
    put_in(model, factors())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rows = model.get_input_embeddings()(torch.tensor([4, 5]))
        out = model(input_ids=torch.tensor([[4, 5]])).logits
    assert torch.equal(rows, factors().rows([4, 5]))
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize("where", ["input", "both"])
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_a_model_with_a_table_in_place_is_scored(kind, where, tmp_path):
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path, kind))
    task = LanguageModelling("mlm" if kind == "bert" else "clm", tokenizer, length=32)
    model = tiny.model(kind, len(tokenizer), pad_token_id=0, tie_word_embeddings=True)
    blocks = task.blocks(tiny.text().held_out["en"])[:4]
    full = task.evaluate(model, blocks)
    own = model.get_input_embeddings().weight.detach()
    lossless = type("Copy", (plaintables.Codes,), {"decode": lambda _, tensors, ids: tensors["codes"][ids]})
    with put_in(model, lossless(own.shape, {"codes": own.clone()}), where):
        assert task.evaluate(model, blocks).loss == pytest.approx(full.loss, rel=1e-5)
    with put_in(model, codes(*own.shape), where):
        assert abs(task.evaluate(model, blocks).loss - full.loss) > 1e-5
    assert task.evaluate(model, blocks) == full


@pytest.mark.parametrize("where", ["input", "both"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_folder_is_a_plain_model_with_the_rebuilt_matrix(kind, where, tmp_path):
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path / "tokenizer"))
    model, table = network(kind), factors()
    state, said = bits(model), model.config.tie_word_embeddings
    export(model, table, tokenizer, tmp_path / "out", where=where)
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert model.config.tie_word_embeddings == said
    loaded = type(model).from_pretrained(tmp_path / "out").eval()
    expected = overwritten(kind, table.matrix(), where)
    assert torch.equal(loaded.get_input_embeddings().weight, table.matrix())
    assert torch.equal(loaded.get_output_embeddings().weight, expected.get_output_embeddings().weight)
    assert tied(loaded) == (where == "both")
    assert torch.equal(logits(loaded), logits(expected))
    if kind not in ("t5", "mt5"):
        assert loaded.config.tie_word_embeddings == (where == "both")
    if kind == "bert":
        assert torch.equal(AutoModel.from_pretrained(tmp_path / "out").get_input_embeddings().weight, table.matrix())
        assert len(models.load_tokenizer(tmp_path / "out")) == len(tokenizer)


def test_an_exported_model_without_an_output_layer_opens(tmp_path):
    tokenizer = models.load_tokenizer(tiny.saved(tmp_path / "tokenizer"))
    model = AutoModel.from_config(AutoConfig.for_model("bert", vocab_size=V, **SHAPES["bert"]))
    export(model, codes(), tokenizer, tmp_path / "out")
    assert torch.equal(AutoModel.from_pretrained(tmp_path / "out").get_input_embeddings().weight, codes().matrix())


def test_what_does_not_fit_is_said():
    with pytest.raises(NeutralError, match=r"table is 50 × 16 but .* 60 × 16"):
        put_in(network("bert"), codes(50))
    with pytest.raises(NeutralError, match=r"table is 60 × 8 but .* 60 × 16"):
        export(network("bert"), codes(V, 8), None, "nowhere")
    with pytest.raises(NeutralError, match="no output layer tied"):
        put_in(network("llama", tie_word_embeddings=False), codes(), "both")
    with pytest.raises(NeutralError, match="input or both"):
        put_in(network("bert"), codes(), "output")


def test_a_model_without_a_token_table_is_said():
    vit = ViTModel(
        ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32)
    )
    for model in (vit, nn.Linear(3, 3)):
        with pytest.raises(NeutralError, match="has no embedding of tokens"):
            put_in(model, codes())


def test_an_embedding_that_does_more_than_look_up_is_said():
    class Odd(nn.Embedding):
        def forward(self, ids):
            return super().forward(ids) + 1

    model = network("bert")
    model.set_input_embeddings(Odd(V, D))
    with pytest.raises(NeutralError, match="does more than look up"):
        put_in(model, codes())


def test_a_second_table_is_refused_until_the_first_is_out():
    model = network("bert")
    first = put_in(model, codes())
    with pytest.raises(NeutralError, match="already"):
        put_in(model, codes())
    first.remove()
    assert put_in(model, codes()).where == "both"
