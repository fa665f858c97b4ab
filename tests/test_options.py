"""What can be asked is said once: a plan's class gives the shell's options, JSON values, checks and docs/options.md."""

import argparse
import json
import random
import subprocess
import sys
from dataclasses import dataclass

import pytest
from conftest import ROOT

from neutral import cli, options
from neutral.errors import NeutralError
from neutral.options import harmless, option, part
from neutral.options.plans import made
from neutral.recipes import PARTS, Recipe
from neutral.runs import plans
from neutral.runs.execution import Execution
from neutral.runs.plans.__main__ import page
from neutral.runs.start import start

CLASSES = {**plans.COMMANDS, "how a run is carried out": Execution}
WORDS = ("en", "svd", "-x", "--title", "two words", "Ωmega", "it's", "a=b", "30%", "{premise} {hypothesis}")
METHODS = ("svd", "svd:randomized", "autoencoder", "autoencoder:elu,c1=0.5,rate=0.01", "direction:free", "int8")


def drawn(each, rng):
    """A random value that an option may have."""
    if each.name == "methods" and each.reads:
        return tuple(rng.sample(METHODS, rng.randint(1, 4)))
    if each.name in ("functional", "autoencoder_alpha"):
        return (0.3,) if each.name == "functional" else rng.choice(("1-0.1", "0.5"))
    if each.name == "prompt":
        return rng.choice(("paper", "{premise} so {hypothesis}", "- {premise}: {hypothesis}, then"))
    if each.kind == "choice":
        return rng.choice(list(each.choices.values()))
    if each.kind == "switch":
        return True
    if each.kind == "choices":
        return tuple(rng.sample(list(each.choices.values()), rng.randint(1, len(each.choices))))
    if each.kind == "pairs":
        return (("LABEL_0", "no"), ("1", "- yes"))[: rng.randint(1, 2)]
    many = {"words": str, "languages": str, "files": str, "wholes": int, "decimals": float}
    single = {"whole": int, "decimal": float}
    if each.kind not in many:
        return one(each, single.get(each.kind, str), rng)
    values = [one(each, many[each.kind], rng) for _ in range(rng.randint(1, 3))]
    if each.kind == "files":
        values = [value.lstrip("-") for value in values]
    return tuple(sorted(values) if each.kind == "decimals" else values)


def one(each, of, rng):
    if of is str:
        return rng.choice(WORDS)
    low = each.least if each.least is not None else 0
    high = min(value for value in (each.most, each.below, 50) if value is not None)
    if of is int:
        return rng.randint(int(low) + (each.above is not None), int(high))
    return rng.choice((round(rng.uniform(low, high), 3), rng.uniform(low, high))) or high / 2


def random_plans(cls, count=25):
    """Plans of a class that can be asked, each of some random options."""
    rng, found = random.Random(cls.__name__), []
    for _ in range(5000):
        share = rng.choice((0.1, 0.3))
        given = {e.name: drawn(e, rng) for e in options.fields(cls) if e.required or rng.random() < share}
        try:
            plan = made(cls, given)
            options.check(plan)
            getattr(plan, "check_asked", lambda: None)()
        except NeutralError:
            continue  # options that do not go together
        found.append(plan)
        if len(found) == count:
            return found
    raise AssertionError(f"{cls.__name__}: only {len(found)} of {count} random plans can be asked")


def parsed(cls, words):
    parser = cli._Parser()
    options.add(parser, cls)
    return options.read(cls, parser.parse_args(words))


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_the_command_line_of_a_plan_makes_that_plan(cls):
    for plan in random_plans(cls):
        words = options.arguments(plan)
        assert parsed(cls, words) == plan, words


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_every_option_alone_makes_a_plan_and_comes_back(cls):
    rng = random.Random(1)
    for each in options.fields(cls):
        needed = {"finetune_data": ("d",)} if each.name.startswith("finetune") else {}
        needed |= {"methods": ("autoencoder",)} if each.name.startswith("autoencoder") else {}
        needed |= {"engine": "ray"} if each.only_for.get("engine") else {}
        needed |= {plans.TypologyPlan: {"text": "t", "model": "m"}, plans.ControlsPlan: {"model": "m"}}.get(cls, {})
        needed |= {"reseeded": (2,)} if each.name == "baselines" else {}
        needed |= {"methods": ("direction",)} if each.name == "follow" else {}
        needed |= {"export": "x"} if each.name == "form" else {}
        needed |= {"functional": (0.5,)} if each.name.startswith("functional_") else {}
        needed |= {other.name: "x" if other.kind != "whole" else 99 for other in options.fields(cls) if other.required}
        for _ in range(200):
            given = needed | {each.name: drawn(each, rng)}
            if "thinned" in given.get("baselines", ()):
                continue
            try:
                plan = options.from_values(cls, json.loads(json.dumps(options.values(made(cls, given)))))
            except NeutralError:
                continue
            if each.name in options.values(plan):
                break
        else:
            pytest.fail(f"{each.flag}: no value of it makes a plan")
        assert parsed(cls, options.arguments(plan)) == plan


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_the_json_values_of_a_plan_make_that_plan_and_are_only_what_differs(cls):
    for plan in random_plans(cls):
        values = json.loads(json.dumps(options.values(plan)))
        assert options.from_values(cls, values) == plan
        defaults = {each.name: each.default for each in options.fields(cls)}
        assert len(values) <= len(defaults)
        assert all(value != defaults[name] for name, value in values.items() if name not in PARTS["paper"])


def test_a_recipe_is_asked_for_by_its_name_and_what_differs_from_it():
    find = {"model": "m", "text": "t"}
    paper = options.from_values(plans.SearchPlan, {**find, "recipe": "paper", "steps": 7, "head": "rewind"})
    assert paper.recipe == Recipe(**PARTS["paper"] | {"steps": 7, "head": "rewind"})
    asked = {"--recipe": "paper", "--steps": "7", "--head": "rewind"}
    words = options.arguments(paper)
    assert dict(zip(words[::2], words[1::2], strict=True)) == {"--model": "m", "--text": "t", **asked}
    transfer = options.from_values(plans.TransferPlan, {**find, "recipe": "paper"})
    assert transfer.recipe == Recipe(**PARTS["paper"]), "its rounds' parts are the preset's"
    assert options.values(transfer) == {**find, "recipe": "paper"}


def test_epochs_take_the_place_of_steps():
    find = {"model": "m", "text": "t"}
    plan = options.from_values(plans.SearchPlan, {**find, "epochs": 2})
    assert (plan.recipe.steps, plan.recipe.epochs) == (0, 2.0)
    assert options.arguments(plan) == ["--model", "m", "--epochs", "2.0", "--text", "t"]
    assert options.from_values(plans.SearchPlan, {**find, "epochs": 0, "steps": 3}).recipe.steps == 3, "as forms ask"
    with pytest.raises(NeutralError, match=r"^--steps, --epochs: one of the two$"):
        options.from_values(plans.SearchPlan, {**find, "epochs": 2, "steps": 3})


@pytest.mark.parametrize(
    ("command", "values", "message"),
    [
        ("find", {"modle": "m"}, "modle: no such option; there are model, task"),
        ("find", {"model": "m"}, "--text: required"),
        ("find", {"model": "m", "text": ""}, "--text: required"),
        ("find", {"text": "t"}, "--model: required"),
        ("find", {"model": 3}, "--model 3: a text is needed"),
        ("find", {"model": None}, "--model, --text: required"),
        ("find", {"seeds": 1}, "--seeds 1: a list of whole numbers is needed"),
        ("find", {"seeds": [1.5]}, "--seeds 1.5: a list of whole numbers is needed"),
        ("find", {"seeds": [True]}, "--seeds True: a list of whole numbers is needed"),
        ("find", {"seeds": [-1]}, "--seeds -1: a seed is from 0 to"),
        ("find", {"seeds": []}, "--seeds: "),
        ("find", {"halves": "yes"}, "--halves yes: true or false is needed"),
        ("find", {"sparsities": [1.5]}, "--sparsity 1.5: a share between 0 and 1, such as 0.5"),
        ("find", {"sparsities": []}, "--sparsity: a share between 0 and 1, such as 0.5"),
        ("find", {"rate": float("nan")}, "--rate nan: a number that is not negative"),
        ("find", {"rate": float("inf")}, "--rate inf: a number that is not negative"),
        ("find", {"method": "magic"}, "--method magic: unknown; use one of magnitude, random, change, fisher, wanda"),
        ("find", {"method": ["wanda"]}, "--method wanda: a text is needed"),
        ("find", {"controls": ["mirrored"]}, "--controls mirrored: unknown; there are pretrained, shuffled"),
        ("find", {"functional": [0.45]}, "--functional 0.45: not among the sparsities that are found"),
        ("find", {"title": "two\nlines", "text": 3}, "--text 3: a text is needed"),
        ("find", {"method": "two\nlines" * 99}, "--method 'two"),
        ("find", {"labels": [["a"]]}, "--labels ['a']: a list of pairs of texts is needed"),
        ("find", {"step": 0.7}, "sparsity 0.5 in steps of 0.7"),
        ("transfer", {"baselines": ["thinned"]}, "--baselines thinned: say which tickets"),
        ("transfer", {"mask_seed": 2, "reseeded": [2]}, "--reseeded 2: that is --mask-seed"),
        ("typology", {"model": "m"}, "--model and --text go together"),
        ("retrieve", {"score": "best"}, "--score best: unknown; use one of ratio, distance, absolute"),
        ("represent", {"score": "ratio"}, "score: no such option"),
        ("compress", {"words": "maybe"}, "--words maybe: unknown; use one of no, yes, both"),
        ("compress", {"finetune_steps": 3}, "--finetune-steps: only with --finetune"),
        ("compress", {"autoencoder_c1": 1}, "only the auto-encoder is trained; add autoencoder to --methods"),
        ("compress", {"trim": True, "finetune_data": ["d"]}, "--finetune: not with --trim"),
        ("pretrain", {"vocabulary": 100, "heads": 3}, "--width 256: is no multiple of --heads 3"),
        ("pretrain", {"source": "t"}, "--vocabulary, --text: required"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_line(command, values, message):
    needed = {each.name: "x" for each in options.fields(plans.COMMANDS[command]) if each.required}
    if "required" in message:
        needed = {}
    with pytest.raises(NeutralError) as raised:
        options.from_values(plans.COMMANDS[command], needed | values)
    assert str(raised.value).startswith(message) or message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 700


def test_the_shell_refuses_in_one_line_too(capsys):
    for words, said in (
        (["find", "--model", "m", "--text", "t", "--study", "s", "--seeds", "a"], "argument --seeds: invalid numbers"),
        (["find", "--model", "m", "--text", "t", "--study", "s", "--sparsity", "2"], "--sparsity 2: a share between"),
        (["find", "--text", "t", "--study", "s"], "the following arguments are required: --model"),
        (["transfer", "--devices", "cpu,cpu"], "--devices: is now --device for one, and --engine ray for all"),
        (["pretrain", "--vocabulary", "9", "--text", "t"], "the following arguments are required: --out"),
        (["find", "--model", "m", "--text", "t", "--study", "s", "--address", "a:1"], "only with --engine ray"),
        (["compress", "--model", "m", "--text", "t", "--study", "s", "--elu", "no"], "argument --elu: invalid choice"),
    ):
        assert cli.main(words) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line


def test_a_name_that_no_command_line_can_have_is_refused():
    plan = plans.SearchPlan("m", languages=("en,fr",), text="t")
    with pytest.raises(NeutralError, match="--languages 'en,fr': no command line can name this"):
        options.arguments(plan)
    with pytest.raises(NeutralError, match="--mask-files '-x': no command line"):
        options.arguments(plans.RetrievePlan("m", files=("-x",)))


def test_a_class_describes_itself():
    @dataclass(frozen=True)
    class Inner:
        depth: int = option(3, "how deep", unit="metres", least=1)

    @dataclass(frozen=True)
    class Plan:
        names: tuple[str, ...] = option((), "whose", decides=harmless("names only"))
        share: float | None = option(None, "how much", above=0, group="main")
        inner: Inner = part(Inner, prefix="well", group="the well")

    names, share, depth = options.fields(Plan)
    assert (names.flag, names.kind, names.default, names.group) == ("--names", "words", (), "more")
    assert (share.kind, share.default, share.may_lack, share.group) == ("decimal", None, True, "main")
    assert (depth.name, depth.flag, depth.unit, depth.group) == ("well_depth", "--depth", "metres", "the well")
    assert parsed(Plan, ["--depth", "5", "--names", "b,a"]) == Plan(("b", "a"), None, Inner(5))
    with pytest.raises(NeutralError, match="--depth 0: at least 1"):
        parsed(Plan, ["--depth", "0"])


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_every_option_says_what_it_is_and_no_two_are_called_alike(cls):
    described = [*options.fields(cls), *(options.fields(Execution) if cls is not Execution else ())]
    for each in described:
        assert each.help
        assert "\n" not in each.help
        assert set(each.only_for) <= {other.name for other in described}
    for names in ([each.name for each in described], [each.flag for each in described]):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_every_field_says_whether_it_decides_results(cls):
    assert [name for name, decides in options.decisions(cls).items() if decides is None] == []


def test_plans_are_imported_without_what_trains():
    code = (
        "import sys; import neutral.runs.plans, neutral.runs.execution; "
        "print(*{'torch', 'transformers', 'pandas', 'scipy', 'tokenizers', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.split() == []


def test_the_page_of_options_is_what_the_plans_say():
    written = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert written == page(), "write it again: python -m neutral.runs.plans > docs/options.md"


@pytest.mark.parametrize("command", plans.COMMANDS)
def test_help_lists_every_option_once(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    said = capsys.readouterr().out.partition("options:")[2]
    cls = plans.COMMANDS[command]
    flags = [each.flag for each in options.fields(cls)]
    flags += [cls.FLAGS.get(e.name, e.flag) for e in options.fields(Execution) if e.name not in cls.WITHOUT]
    listed = [word for line in said.splitlines() if line.startswith("  --") for word in line.split()[:1]]
    assert sorted(listed) == sorted(flags)


def test_what_a_command_does_without_is_refused_from_python_too():
    plan = plans.PretrainPlan(100, text="t")
    with pytest.raises(NeutralError, match="--engine: not for this command"):
        start(plan, Execution("out", engine="ray"))
    with pytest.raises(NeutralError, match="--device: not for this command"):
        start(plans.TypologyPlan(), Execution("study", device="cpu"))


def test_a_namespace_of_python_is_no_command_line():
    assert options.read(plans.TypologyPlan, argparse.Namespace(run=None)) == plans.TypologyPlan()


def test_two_dashes_are_no_value_rather_than_none_at_all(capsys):
    words = ["find", "--model", "m", "--text", "t", "--study", "s"]
    for flag in ("--title", "--languages", "--json-progress"):
        assert cli.main([*words, f"{flag}=--"]) == 2
        assert f"{flag}: -- is no value" in capsys.readouterr().err
