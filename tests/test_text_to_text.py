import architectures
import pytest
import tiny
import torch
from torch.nn import functional as F
from transformers import AutoModelForSeq2SeqLM

from neutral import labels, models
from neutral import search as search_methods
from neutral.errors import NeutralError
from neutral.recipes import Recipe
from neutral.search import lottery, one_shot, rewind
from neutral.search.search import Search
from neutral.tasks import IGNORED, making
from neutral.tasks.classification import Classification
from neutral.tasks.decoding import first_token, shifted_right
from neutral.tasks.examples import Example
from neutral.tasks.text_to_text import TextToText
from neutral.tasks.wording import Wording

CLASSES = ["contradiction", "entailment", "no"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.saved(tmp_path_factory.mktemp("mt5"), "mt5")


@pytest.fixture
def task(folder):
    return TextToText(models.load_tokenizer(folder), CLASSES)


@pytest.fixture
def examples():
    lines = tiny.text().train["en"][:9]
    return [Example((line, lines[i - 1]), i % 3) for i, line in enumerate(lines)]


@pytest.fixture
def search(folder, task, examples):
    return Search(models.load_model(folder, "seq2seq"), task, examples, examples, Recipe(2, 2, 1e-3))


def test_an_encoder_decoder_does_inference_as_text_to_text(folder):
    tokenizer = models.load_tokenizer(folder)
    assert models.is_encoder_decoder(folder)
    assert isinstance(making.make("nli", tokenizer, labels=CLASSES, encoder_decoder=True), TextToText)
    assert isinstance(making.make("nli", tokenizer, labels=CLASSES), Classification)
    with pytest.raises(NeutralError, match="takes labelled data"):
        making.make("nli", tokenizer)
    with pytest.raises(NeutralError, match="use --task nli"):
        making.make("seq2seq", tokenizer)


def test_the_network_reads_both_texts_and_writes_the_name_of_the_class(task):
    example = task.example(Example(("Rain fell.", "It was wet."), 1))
    end = task.tokenizer.eos_token_id

    def ids(text):
        return task.tokenizer(text, add_special_tokens=False)["input_ids"]

    assert example["input_ids"].tolist() == [*ids("xnli: premise: Rain fell. hypothesis: It was wet."), end]
    assert example["labels"].tolist() == [*ids("entailment"), end]


def test_of_a_text_too_long_the_premise_is_cut(task):
    task.length = 64  # room for what stands around the premise, however the words are cut
    short = Example(("rain " * 200, "It was wet."), 0)
    ids = task.example(short)["input_ids"]
    assert len(ids) == 64
    assert ids.tolist()[0] == task.example(Example(("rain", "wet"), 0))["input_ids"][0], "it begins as ever"
    assert task.tokenizer.decode(ids).endswith("It was wet. [SEP]")


@pytest.mark.parametrize(
    ("prompt", "both", "one"),
    [
        ("paper", "xnli premise: Rain fell. hypothesis:  It was wet.", "xnli premise: Rain fell."),
        ("is {hypothesis} so if {premise}?", "is It was wet. so if Rain fell. ?", "so if Rain fell. ?"),
    ],
)
def test_the_prompt_is_the_papers_or_any_other(folder, prompt, both, one):
    task = TextToText(models.load_tokenizer(folder), CLASSES, wording=Wording(prompt))
    for texts, expected in ((("Rain fell.", "It was wet."), both), (("Rain fell.",), one)):
        ids = task.tokenizer(expected, add_special_tokens=False)["input_ids"]
        assert task.example(Example(texts, 1))["input_ids"].tolist() == [*ids, task.tokenizer.eos_token_id]


def test_texts_that_look_like_places_of_a_template_stay_as_they_are(folder):
    task = TextToText(models.load_tokenizer(folder), CLASSES)
    read = task.tokenizer.decode(task.example(Example(("a {hypothesis} b", "c {premise} d"), 0))["input_ids"])
    expected = task.tokenizer("xnli: premise: a {hypothesis} b hypothesis: c {premise} d", add_special_tokens=False)
    assert read == task.tokenizer.decode([*expected["input_ids"], task.tokenizer.eos_token_id])


@pytest.mark.parametrize(
    "given", [("premise only: {premise}",), ("{premise} {premise} {hypothesis}",), ("mt5", "best")]
)
def test_a_wording_that_cannot_be_is_refused(given):
    with pytest.raises(NeutralError, match="--answer best: unknown" if len(given) > 1 else "--prompt .* once each"):
        Wording(*given)
    with pytest.raises(NeutralError, match="--prompt, --answer: for nli on an encoder-decoder"):
        making.make("mlm", None, wording=Wording("paper"))


def written(model, task, example):
    """What a network writes to one example: the likeliest token at each place, up to the end or the longest name."""
    ids, tokens = task.example(example)["input_ids"][None], [0]  # mT5's decoder begins with its padding
    for _ in range(max(map(len, task.names))):
        with torch.no_grad():
            logits = model(input_ids=ids, decoder_input_ids=torch.tensor([tokens])).logits
        tokens.append(int(logits[0, -1].argmax()))
        if tokens[-1] == task.tokenizer.eos_token_id:
            break
    return task.tokenizer.decode(tokens, skip_special_tokens=True)


def test_the_answer_generated_is_right_if_it_is_the_name_to_the_letter(search, examples):
    task = TextToText(search.task.tokenizer, CLASSES, wording=Wording(answer="generated"))
    usual = TextToText(search.task.tokenizer, CLASSES)
    untrained = task.evaluate(search.model, examples)
    assert untrained.value == 0 < usual.evaluate(search.model, examples).value, "it names no class, one is likeliest"
    examples = [Example(example.texts, int(i % 3 == 0)) for i, example in enumerate(examples)]
    search.task, search.train_items, search.recipe = task, examples, Recipe(40, 4, 2e-2)
    search.trained(None)
    texts = [written(search.model.eval(), task, example) for example in examples]
    right = [text == CLASSES[example.label] for text, example in zip(texts, examples, strict=True)]
    score = task.evaluate(search.model, examples, batch_size=4)
    assert score.parts[:, 0].tolist() == [float(each) for each in right]
    assert {True, False} == set(right)
    assert score.loss == pytest.approx(usual.evaluate(search.model, examples).loss, rel=1e-3)  # batches differ


def test_names_that_are_written_alike_cannot_be_generated(folder):
    tokenizer = models.load_tokenizer(folder)
    TextToText(tokenizer, ["猫", "犬"])
    with pytest.raises(NeutralError, match="writes two of the classes 猫, 犬 alike"):
        TextToText(tokenizer, ["猫", "犬"], wording=Wording(answer="generated"))


def plain(model, task, example, name):
    """The negative log-likelihood of a name, by the model's own loss."""
    ids = task.example(example)["input_ids"][None]
    with torch.no_grad():
        logits = model(input_ids=ids, labels=name[None]).logits[0].float()
    return float(F.cross_entropy(logits, name, reduction="sum"))


def test_the_score_is_which_name_is_likeliest_for_examples_one_by_one(search, task, examples):
    model = search.model.eval()
    losses = [[plain(model, task, example, name) for name in task.names] for example in examples]
    score = task.evaluate(model, examples, batch_size=4)
    right = [row.index(min(row)) == example.label for row, example in zip(losses, examples, strict=True)]
    assert score.parts[:, 0].tolist() == [float(each) for each in right]
    expected = sum(row[example.label] for row, example in zip(losses, examples, strict=True)) / len(examples)
    assert score.loss == pytest.approx(expected, rel=2e-2)  # bfloat16 where the processor has it
    batch = task.collate([task.example(example) for example in examples])
    assert (batch["labels"] == IGNORED).any(), "the names differ in length"
    assert float(task.mean_loss(model, batch).detach()) == pytest.approx(expected, rel=1e-4)


def test_every_matrix_is_prunable_and_has_its_label(search):
    found = {(each.stack, each.component) for each in map(labels.label, search.weights)}
    both = {"query", "key", "value", "attention_output", "gate", "up", "down"}
    cross = {"cross_query", "cross_key", "cross_value", "cross_output"}
    assert found == {("encoder", c) for c in both} | {("decoder", c) for c in both | cross}
    leaves = {name.split(".")[-2] for name in search.weights}
    assert leaves == {"q", "k", "v", "o", "wi_0", "wi_1", "wo"}


@pytest.mark.parametrize("method", search_methods.ONE_SHOT)
def test_one_shot_methods_reach_every_matrix(search, method):
    mask = one_shot.one_shot(search, method, [0.5])[""][0.5]
    assert mask.sparsity() == pytest.approx(0.5, abs=1e-2)
    assert len(mask.names) == len(search.weights)


def sparsities(mask):
    return dict(zip(*mask.sparsity(by="stack")[["group", "value"]].to_numpy().T, strict=True))


def test_encoder_and_decoder_are_pruned_apart_or_together(search):
    search.scope = "stack"
    apart = [done.following for done in lottery.find(search, [0.2, 0.4])][-2]
    assert all(each == pytest.approx(0.4, abs=1e-3) for each in sparsities(apart).values())
    search.scope = "global"
    search.rewind()
    with torch.no_grad():
        for name, weight in search.weights.items():
            if labels.label(name).stack == "encoder":
                weight.mul_(0.1)
    search.origin = rewind.snapshot(search.model)
    together = sparsities(one_shot.one_shot(search, "wanda", [0.5])[""][0.5])
    assert all(each == pytest.approx(0.5, abs=1e-2) for each in together.values()), "Wanda cuts every row alike"
    together = sparsities(next(lottery.find(search, [0.4])).following)
    assert together["encoder"] > 0.5 > 0.3 > together["decoder"]


@pytest.mark.parametrize(("only", "count"), [("encoder", 2 * 7), ("decoder", 2 * 11)])
def test_one_stack_is_pruned_and_the_other_left_whole(folder, task, examples, only, count):
    model = models.load_model(folder, "seq2seq")
    search = Search(model, task, examples, examples, Recipe(2, 2, 1e-3), only=only)
    mask = next(iter(lottery.find(search, [0.4]))).following
    assert len(mask.names) == count
    assert set(sparsities(mask)) == {only}
    search.trained(mask)
    for name, weight in models.prunable(model).items():
        assert ((weight == 0).float().mean() > 0.1) == (labels.label(name).stack == only)


def test_a_stack_that_is_not_there_is_said(tmp_path):
    with pytest.raises(NeutralError, match="--only decoder: BertForMaskedLM has no linear layers there"):
        models.prunable(tiny.model("bert"), "decoder")


def check_what_the_decoder_reads(name, folder):
    """The decoder reads what transformers' own loss makes it read of the same texts, where the two begin alike."""
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    end, padding = 2, model.config.pad_token_id
    texts = torch.tensor([[20, 30, 40, end], [50, end, IGNORED, IGNORED]])
    if name == "mbart":  # it takes the last token of each text, whatever its configuration says
        model.config.decoder_start_token_id = end
    first = first_token(model, texts[0])
    shifted = shifted_right(texts, first, padding)
    assert shifted.tolist() == [[first, 20, 30, 40], [first, 50, end, padding]]
    inputs = {"input_ids": torch.tensor([[20, 30, end], [40, 50, end]])}
    with torch.no_grad():
        logits = model(**inputs, decoder_input_ids=shifted).logits
        assert torch.equal(model(**inputs, labels=texts).logits, logits)
    own = getattr(model, "prepare_decoder_input_ids_from_labels", None)
    if own is not None:
        assert torch.equal(own(labels=texts), shifted)
    return own is not None


@pytest.mark.parametrize("name", ["mbart", "m2m_100"])
def test_the_decoder_reads_the_name_one_place_to_the_right(name, tmp_path):
    architectures.make(name, tmp_path)
    assert check_what_the_decoder_reads(name, tmp_path) == (name == "mbart")


def test_without_a_setting_the_decoder_begins_as_the_model_would(tmp_path):
    model, text = architectures.make("mbart", tmp_path), torch.tensor([20, 2])
    model.config.decoder_start_token_id = model.generation_config.decoder_start_token_id = None
    assert first_token(model, text) == 2
    model.prepare_decoder_input_ids_from_labels = None
    assert first_token(model, text) == model.config.bos_token_id
    model.config.bos_token_id = None
    with pytest.raises(NeutralError, match=r"MBartForConditionalGeneration.*decoder_start_token_id"):
        first_token(model, text)


def test_what_is_generated_is_the_likeliest_whatever_a_checkpoint_forces(tmp_path, examples):
    """As in translation: a first token that is forced, no token twice, a least length."""
    model = architectures.make("m2m_100", tmp_path).eval()
    task = TextToText(models.load_tokenizer(tmp_path), CLASSES, wording=Wording("mt5", "generated"))
    model.generation_config.forced_bos_token_id = 77
    model.generation_config.no_repeat_ngram_size, model.generation_config.min_length = 1, 9
    written, first = [], model.config.decoder_start_token_id

    def generate(**options):
        written.append(plain(**options))
        return written[-1]

    plain, model.generate = model.generate, generate
    batch = task.collate([task.example(examples[0])])
    with torch.no_grad():
        task._chosen(model, batch, torch.zeros(1, 3))
        tokens, inputs = [first], {"input_ids": batch["input_ids"]}
        for _ in range(max(map(len, task.names))):
            tokens.append(int(model(**inputs, decoder_input_ids=torch.tensor([tokens])).logits[0, -1].argmax()))
            if tokens[-1] == task.tokenizer.eos_token_id:
                break
    assert written[0][0].tolist() == tokens
