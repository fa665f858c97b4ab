"""Anything beside anything: pins as text, the tables of a view, and differences with answers that are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic

from neutral import association, cli, compare, overlap, summary, typology
from neutral.compare import MaskPin, PinError, TablePin
from neutral.compare.views import COLUMNS
from neutral.errors import NeutralError
from neutral.masks import Mask
from neutral.masksets import MaskSet
from neutral.study import Study
from neutral.transfer import results
from neutral.typology import similarity


def network(*layers, prefix="bert.encoder.layer"):
    """A mask of layers with one matrix each, given by its bits."""
    bits = {f"{prefix}.{i}.attention.self.query.weight": [list(map(int, layer))] for i, layer in enumerate(layers)}
    return Mask.from_tensors(bits)


@pytest.fixture
def three():
    """English twice, French and Swahili in two layers of four weights."""
    bits = {"en": ("1110", "1000"), "fr": ("1100", "1001"), "sw": ("0011", "0100")}
    masks = [*(network(*layers) for layers in bits.values()), network("1111", "1100")]
    return MaskSet(masks, [*bits, "en"], title="Three")


def seen(source, text):
    return compare.view(compare.read(text), source)


# Pins


@pytest.mark.parametrize(
    "pin",
    [
        MaskPin("pair", "mini", ("en", "fr"), "wanda", 0.5, "mlm", 0, "dice"),
        MaskPin("overlap", "a:b, 50%/é", (), "magnitude", 0.125, "mlm", 3),
        MaskPin("overlap", "mini", layer="encoder 3", component="query"),
        MaskPin("typology", "mini", ("en", "fr", "sw"), component="attention_output"),
        MaskPin("transfer", "mini", (), "magnitude", 0.5, "mlm", None, "accuracy"),
        MaskPin("tickets", "mini", measure="metric"),
        MaskPin("language", "mini", ("my run, 2: 5%",)),
        MaskPin("pair", "mini", ("zho-TW", "en/0")),
        TablePin("tables", "direction, √frequency", 10.0, "bytes", "both", True, "lines"),
        TablePin("tables"),
    ],
)
def test_a_pin_comes_back_from_its_text_whatever_its_names_are(pin):
    assert compare.read(pin.text) == pin


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "begins with none of"),
        ("foo:mini", "none of overlap, pair, language, typology, transfer, tickets, table"),
        ("pair", "KIND:STUDY"),
        ("pair:mini:en", "two languages"),
        ("pair:mini:en,fr,sw", "two languages"),
        ("pair:mini:en,en", "two different languages"),
        ("language:mini:en,fr", "one language"),
        ("overlap:mini::wanda:half", "no number"),
        ("overlap:mini::wanda:nan", "no number"),
        ("overlap:mini::wanda:2", "no share of weights"),
        ("overlap:mini::wanda:0.5:mlm:1.5", "no whole number"),
        ("overlap:mini::wanda:0.5:mlm:0:foo", "use one of jaccard"),
        ("overlap:mini::wanda:0.5:mlm:0:jaccard:encoder 3:query:more", "at most 8 more"),
        ("transfer:mini::wanda:0.5:mlm:0:jaccard", "use one of metric, accuracy"),
        ("transfer:mini::wanda:0.5:mlm:0:metric:encoder 3", "at most 6 more"),
        ("table:mini:svd:ten", "no number"),
        ("table:mini:svd:10:weight", "use one of parameters, bytes"),
        ("overlap:mi\nni", "one line"),
        ("overlap:" + "x" * 5000, "at most 4000"),
    ],
)
def test_what_is_no_pin_is_said_in_a_line(text, problem):
    with pytest.raises(PinError, match=problem) as raised:
        compare.read(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


# Views


def test_a_pair_by_layer_is_that_of_its_counts_beside_the_language_found_again(three):
    view = seen(three, "pair:mine:en,fr")
    assert (view.name, view.study, view.again, view.measure) == ("English and French", "Three", "seeds", "jaccard")
    assert view.whole == pytest.approx(3 / 5)
    table = view.tables["layer"]
    assert list(table["place"]) == ["encoder 0", "encoder 1"]
    assert list(table["value"]) == pytest.approx([2 / 3, 1 / 2])
    assert list(table["again"]) == pytest.approx([3 / 4, 1 / 2])  # English and its other mask
    # of densities 3/4 and 1/2: expected intersection 3/8, union 7/8; of 1/4 and 1/2: 1/8 and 5/8
    assert list(table["chance"]) == pytest.approx([3 / 7, 1 / 5])
    assert set(view.tables) == {"layer", "component", "layer-component"}
    assert view.pin.text == "pair:mine:en,fr:upload:0.47:masks:0:jaccard"


def test_one_language_is_beside_each_of_the_others_and_all_languages_by_their_means(three):
    one = seen(three, "language:mine:sw")
    assert dict(zip(one.tables["language"]["place"], one.tables["language"]["value"], strict=True)) == pytest.approx(
        {"en": 1 / 6, "fr": 0 / 7, "en 2": 3 / 6}
    )
    every = seen(three, "overlap:mine:en,fr,sw")
    by_language = every.tables["language"].set_index("place")["value"]
    assert by_language["en"] == pytest.approx((3 / 5 + 1 / 6) / 2)
    assert every.whole == pytest.approx((3 / 5 + 1 / 6 + 0) / 3)
    assert set(every.tables["pair"]["place"]) == {"en / fr", "en / sw", "fr / sw"}


def test_codes_are_read_and_the_pin_says_what_was_found(three):
    assert seen(three, "pair:mine:fra,swa").pin.members == ("fr", "sw")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pair:mine:en,xx", "no mask of 'xx'"),
        ("pair:mine:fr,fra", "fr and fra are one mask"),
        ("overlap:mine::wanda", "--method wanda"),
        ("overlap:mine:::0.9", "--sparsity 0.9"),
        ("pair:mine:en,fr:::::beyond", "no beyond counts"),
    ],
)
def test_what_a_source_does_not_have_is_said(three, text, problem):
    with pytest.raises(NeutralError, match=problem):
        seen(three, text)


def test_views_of_one_name_are_told_apart_by_what_differs(three):
    one, other = seen(three, "pair:a/mine:en,fr"), seen(three, "pair:b/yours:en,fr")
    third = seen(three, "pair:b/yours:en,sw")
    assert compare.labels([one, third]) == ["English and French", "English and Swahili"]
    assert compare.labels([one, other]) == ["English and French, mine", "English and French, yours"]
    dice = replace(one, pin=replace(one.pin, measure="dice"))
    assert compare.labels([one, dice]) == ["English and French, jaccard", "English and French, dice"]
    assert compare.labels([one, one]) == ["English and French (1)", "English and French (2)"]


# Differences


def test_a_difference_is_the_second_less_the_first_against_one_less_the_language_found_again(three):
    apart = compare.difference(seen(three, "pair:mine:en,fr"), seen(three, "pair:mine:en,sw"), "layer")
    assert apart.aligned == "same"
    assert list(apart.table["difference"]) == pytest.approx([1 / 4 - 2 / 3, 0 - 1 / 2])
    assert list(apart.table["bound"]) == pytest.approx([1 / 4, 1 / 2])
    told = compare.found(apart)
    assert list(told.most["place"]) == ["encoder 1", "encoder 0"]  # -0.5, -0.417
    assert (told.beyond, told.bounded, told.places) == (1, 2, 2)  # 0.5 is the bound itself
    assert told.mean == pytest.approx((1 / 4 - 2 / 3 - 1 / 2) / 2)


def test_the_bound_cannot_be_passed_by_finding_one_mask_again():
    """The triangle inequality of 1 - Jaccard, on many random masks."""
    random = np.random.default_rng(0)
    for _ in range(300):
        a, again, b = random.random((3, 40)) < random.uniform(0.1, 0.9, (3, 1))
        jaccard = [float((x & y).sum() / (x | y).sum()) if (x | y).any() else 1.0 for x, y in ((a, b), (again, b))]
        own = (a & again).sum() / max(1, (a | again).sum())
        assert abs(jaccard[0] - jaccard[1]) <= 1 - own + 1e-12


def test_networks_with_other_layers_are_compared_at_the_same_relative_depth():
    values = {"encoder": [1.0, 0.5, 0.0], "decoder": [0.2, 0.4, 0.6, 0.8]}
    left, right = (_made([(f"{stack} {i}", v, 0.9) for i, v in enumerate(row)]) for stack, row in values.items())
    apart = compare.difference(left, right, "layer")
    assert apart.aligned == "depth"
    assert list(apart.table["place"]) == ["0%", "50%", "100%"]
    assert list(apart.table["right"]) == pytest.approx([0.2, 0.5, 0.8])  # half way is between the layers 1 and 2
    assert list(apart.table["difference"]) == pytest.approx([-0.8, 0.0, 0.8])
    assert list(apart.table["bound"]) == pytest.approx([0.1] * 3)
    back = compare.difference(right, left, "layer")
    assert list(back.table["difference"]) == pytest.approx([0.8, 0.0, -0.8])


def test_of_two_stacks_each_is_compared_with_its_like():
    both = _made([(f"{stack} {i}", 0.5 + 0.1 * i, np.nan) for stack in ("encoder", "decoder") for i in range(2)])
    one = _made([("decoder 0", 0.1, np.nan), ("decoder 1", 0.2, np.nan), ("decoder 2", 0.3, np.nan)])
    apart = compare.difference(both, one, "layer")
    assert list(apart.table["left"]) == pytest.approx([0.5, 0.6])
    assert list(apart.table["right"]) == pytest.approx([0.1, 0.3])
    assert apart.table["bound"].isna().all()


def test_pooler_and_unnumbered_layers_have_no_depth():
    left = _made([("encoder 0", 0.5, np.nan), ("encoder 1", 0.6, np.nan), ("pooler", 0.9, np.nan)])
    right = _made([(f"decoder {i}", 0.1, np.nan) for i in range(4)])
    assert list(compare.difference(left, right, "layer").table["place"]) == ["0%", "100%"]


def _made(rows, by="layer", **fields):
    """A view of some values, by places."""
    table = pd.DataFrame(
        [(place, value, np.nan, again, again, np.nan) for place, value, again in rows], columns=COLUMNS
    )
    pin = fields.pop("pin", MaskPin("pair", "made", ("en", "fr")))
    given = {"name": "made", "study": "Made", "settings": "made", "measure": "jaccard", "again": "", "whole": 0.5}
    return compare.View(pin, tables={by: table}, **(given | fields))


def test_one_language_is_the_same_by_whatever_code_and_the_one_in_the_middle_is_nobodys_counterpart():
    left = _made([("fr", 0.5, 0.9), ("zh", 0.6, 0.9), ("sw", 0.1, 0.9)], "language", pin=_middle("en"))
    rows = [("eng-GB", 0.7, 0.8), ("fra-CA", 0.9, 0.8), ("zho-CN", 0.4, 0.95), ("swa", 0.3, 0.8)]
    right = _made(rows, "language", pin=_middle("fra"))
    table = compare.difference(left, right, "language").table.set_index("place")
    assert list(table.index) == ["zh", "sw"]  # French is in the middle of the right one, English of the left
    assert table["difference"].to_dict() == pytest.approx({"zh": -0.2, "sw": 0.2})
    assert table["bound"].to_dict() == pytest.approx({"zh": 0.1, "sw": 0.2})


def _middle(member):
    return MaskPin("language", "made", (member,))


def test_means_of_languages_are_over_those_that_both_views_have():
    masks = {
        code: network(bits, bits) for code, bits in {"en": "1110", "fr": "1100", "sw": "0011", "de": "1111"}.items()
    }
    few = MaskSet(list(masks.values())[:3], ["en", "fr", "sw"])
    many = MaskSet(list(masks.values()), ["eng", "fra", "swa", "deu"])
    left, right = seen(few, "overlap:few"), seen(many, "overlap:many")
    apart = compare.difference(left, right, "language")
    assert list(apart.table["place"]) == ["en", "fr", "sw"]
    assert apart.table["difference"].abs().max() == 0  # the same masks: German is not counted in
    pairs = compare.difference(left, right, "pair").table
    assert set(pairs["place"]) == {"en / fr", "en / sw", "fr / sw"}
    assert pairs["difference"].abs().max() == 0
    assert compare.shared([left, right]) == ["layer", "component", "layer-component", "language", "pair"]


def test_pairs_are_one_whatever_comes_first():
    masks = [network("1110"), network("1100")]
    left, right = (seen(MaskSet(masks[::step], ["en", "fr"][::step]), "overlap:x") for step in (1, -1))
    assert list(compare.difference(left, right, "pair").table["difference"]) == [0.0]


def test_what_has_nothing_in_common_is_said(three):
    left = seen(three, "pair:mine:en,fr")
    right = seen(three, "pair:mine:en,fr:::::dice")
    assert compare.shared([left, right]) == []
    with pytest.raises(NeutralError, match=r"in jaccard and .* in dice"):
        compare.difference(left, right, "layer")
    with pytest.raises(NeutralError, match="no values by pair"):
        compare.difference(left, left, "pair")
    other = _made([("xx1", 0.5, np.nan)], "component")
    with pytest.raises(NeutralError, match="share no component"):
        compare.difference(left, other, "component")
    assert compare.shared([]) == []


# Token tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return synthetic.compression_study(tmp_path_factory.mktemp("compare") / "tables")


def test_token_tables_differ_by_the_logarithm_of_their_perplexities(tables):
    left, right = seen(tables, "table:t:svd:10:bytes"), seen(tables, "table:t:direction:10:bytes")
    assert left.pin == TablePin("t", "svd", 10.0, "bytes", "input", False, "blocks")
    apart = compare.difference(left, right, "language")
    rows = apart.table
    assert list(rows["difference"]) == pytest.approx(list(np.log(rows["right"] / rows["left"])))
    assert (rows["difference"] < 0).all()  # as made: direction errs less
    assert right.whole == pytest.approx(float(np.exp(np.log(right.tables["language"]["value"]).mean())))
    assert compare.shared([left, right]) == ["language", "size"]


def test_curves_are_compared_at_the_sizes_of_the_first_between_those_of_the_second():
    left = _made([(2.0, 1.1, np.nan), (4.0, 1.5, np.nan), (50.0, 9.0, np.nan)], "size", measure=compare.FACTOR)
    right = _made([(1.0, 1.0, np.nan), (16.0, 2.0, np.nan)], "size", measure=compare.FACTOR)
    table = compare.difference(left, right, "size").table
    assert list(table["place"]) == [2.0, 4.0]
    assert list(table["right"]) == pytest.approx([2**0.25, 2**0.5])  # a quarter and half of the way, in logarithms


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("table:t:foo", "no token tables with line 'foo'; there are svd"),
        ("table:t:svd:7", "no svd at ratio 7; there are 1.5, 2.5"),
        ("table:t:pq:10:parameters", "with by 'parameters'; there are bytes"),
    ],
)
def test_a_token_table_that_is_not_there_is_said(tables, text, problem):
    with pytest.raises(NeutralError, match=problem):
        seen(tables, text)


# The shell


def shell(capsys, *words):
    code = cli.main(["compare", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study of two languages found by two methods."""
    path = tmp_path_factory.mktemp("shell") / "mine"
    study = Study.create(path, {"title": "Mine", "task": "mlm", "languages": ["en", "fr"]})
    for method, french in (("wanda", "1100"), ("magnitude", "0111")):
        counts = overlap.count([network("1110"), network(french)], ["en", "fr"])
        counts.save(study.counts_path("mlm", method, 0.5, 0, "languages"))
    return path


def test_the_shell_prints_the_difference_of_two_pins_and_the_table_of_one(folder, capsys):
    one, other = (f"pair:{folder}:en,fr:{method}" for method in ("wanda", "magnitude"))
    code, out, err = shell(capsys, one, other, "--format", "csv")
    assert code == 0
    assert out.splitlines()[0] == "place,left,right,difference,bound,usual"
    place, left, right, gap, bound, _ = out.splitlines()[1].split(",")
    assert (place, bound) == ("encoder 0", "")
    assert [float(left), float(right), float(gap)] == pytest.approx([2 / 3, 2 / 4, 2 / 4 - 2 / 3])
    assert "-0.1667 in the mean, no bound" in err
    code, out, _ = shell(capsys, one, "--by", "component")
    assert (code, out.split()[:4]) == (0, ["place", "value", "chance", "again"])


def test_the_shell_says_what_is_wrong_in_a_line(folder, capsys):
    pin = f"pair:{folder}:en,fr:wanda"
    for words, said in (
        ((f"pair:{folder}:en,fr",), "--method: there are masks of magnitude, wanda"),
        ((f"pair:{folder / 'none'}:en,fr",), "is not a study"),
        ((pin, pin, pin), "compare takes one or two"),
        ((pin, "--by", "pair"), "--by pair: English and French has layer"),
        ((pin, pin, "--by", "language"), "no values by language"),
    ):
        code, out, err = shell(capsys, *words)
        assert (code, out) == (2, "")
        assert said in err
        assert len(err.splitlines()) <= 3  # what is compared, and what is wrong


# What is found again, places, and other kinds


def test_a_pair_is_beside_the_mean_of_both_languages_found_again_and_bounded_by_the_lower():
    bits = {"en": ("1110", "1100"), "fr": ("1100", "0111"), "en 2": ("1110", "1000"), "fr 2": ("1000", "0011")}
    twice = MaskSet([network(*layers) for layers in bits.values()], ["en", "fr", "en", "fr"])
    table = seen(twice, "pair:mine:en,fr").tables["layer"]
    assert list(table["again"]) == pytest.approx([(1 + 1 / 2) / 2, (1 / 2 + 2 / 3) / 2])
    assert list(table["lowest"]) == pytest.approx([1 / 2, 1 / 2])
    levels = summary.levels(twice, summary.choices(twice)[0], by="layer", members=("en", "fr"))
    own = levels[levels["level"] == "seeds"]  # what the page of the pair shows
    assert list(table["again"]) == pytest.approx(list(own["value"]))


def test_what_finding_masks_again_usually_makes_is_how_much_overlaps_of_both_findings_differ():
    bits = {"en": ("1110", "1100"), "fr": ("1100", "0111"), "en 2": ("1110", "1000"), "fr 2": ("1000", "0011")}
    twice = MaskSet([network(*layers) for layers in bits.values()], ["en", "fr", "en", "fr"])
    table = seen(twice, "pair:mine:en,fr").tables["layer"]
    assert list(table["usual"]) == pytest.approx([abs(2 / 3 - 1 / 3), abs(1 / 4 - 0)])  # one pair was found twice
    gap = compare.difference(seen(twice, "pair:mine:en,fr"), seen(twice, "pair:mine:en 2,fr 2"), "layer")
    assert list(gap.table["usual"]) == pytest.approx([np.sqrt(2) / 3, np.sqrt(2) / 4])
    told = compare.found(gap)
    assert (told.unusual, told.beyond, told.within) == (0, 0, 2)
    assert told.is_noise
    assert not compare.found(replace(gap, table=gap.table.assign(usual=0.01))).is_noise


def test_a_pin_of_a_place_is_of_the_weights_there(tmp_path):
    study = synthetic.encoder_study(tmp_path / "mine")
    whole = seen(study, "overlap:mine::wanda:0.5")
    layer = seen(study, "overlap:mine::wanda:0.5::::encoder 3")
    both = seen(study, "overlap:mine::wanda:0.5::::encoder 3:query")
    by_layer, fine = (whole.tables[by].set_index("place")["value"] for by in ("layer", "layer-component"))
    assert layer.whole == pytest.approx(by_layer["encoder 3"])
    assert both.whole == pytest.approx(fine["encoder 3 query"])
    assert layer.tables["component"].set_index("place")["value"]["query"] == pytest.approx(fine["encoder 3 query"])
    assert both.name == "11 languages, encoder 3 query"
    counts = summary.counts_of(study, summary.Choice("mlm", "wanda", 0.5))
    pairs = counts.jaccard("layer-component")
    expected = pairs[pairs["group"] == "encoder 3 query"]["value"]
    assert sorted(both.tables["pair"]["value"]) == pytest.approx(sorted(expected))
    assert compare.read(both.pin.text) == both.pin
    with pytest.raises(NeutralError, match="no layer 'encoder 99'"):
        seen(study, "overlap:mine::wanda:0.5::::encoder 99")


def test_transfers_are_what_masks_cost_in_per_cent_of_the_own_score(tmp_path):
    study = synthetic.transfers(synthetic.encoder_study(tmp_path / "mine", layers=2))
    view = seen(study, "transfer:mine::magnitude:0.5")
    table = results.against_own(results.matrix(results.select(study.table("transfer"), "mlm", 0.5)))
    between = table[table["source"].isin(synthetic.ELEVEN) & (table["source"] != table["target"])]
    drops = results.relative_drop(table).set_index("source")["cost"]
    by_mask = view.tables["mask"].set_index("place")["value"]
    assert by_mask["en"] == pytest.approx(100 * drops["en"])
    cells = view.tables["direction"].set_index("place")["value"]
    cost = between.set_index(["source", "target"])["cost"]
    assert cells["en → sw"] == pytest.approx(100 * cost["en", "sw"])
    assert view.whole == pytest.approx(100 * between["cost"].mean())
    paper = compare.view(compare.read("transfer:@paper"), None)
    apart = compare.difference(view, paper, "target")
    assert len(apart.table) == 11
    assert set(compare.shared([view, paper])) == {"mask", "target", "direction"}
    for wrong, problem in (("transfer:mine::wanda", "no transfers of method wanda"), ("transfer:mine:xx", "of 'xx'")):
        with pytest.raises(NeutralError, match=problem):
            seen(study, wrong)


def test_a_typology_is_the_rank_correlation_with_each_distance(tmp_path):
    study = synthetic.encoder_study(tmp_path / "mine", layers=2)
    view = seen(study, "typology:mine::wanda:0.5")
    spoken = similarity.languages(summary.counts_of(study, summary.Choice("mlm", "wanda", 0.5)).members)
    overlap_of = similarity.similarity(summary.counts_of(study, summary.Choice("mlm", "wanda", 0.5)).jaccard(), spoken)
    tested = association.associations(overlap_of, typology.filled(pd.DataFrame(), spoken.codes), count=1)
    rho = tested.set_index("distance")["rho"]
    found = view.tables["distance"].set_index("place")["value"]
    assert found["genetic"] == pytest.approx(rho["genetic"])
    other = seen(study, "typology:mine::magnitude:0.5")
    assert compare.shared([view, other]) == ["distance"]
    with pytest.raises(NeutralError, match="3 languages; a correlation takes"):
        seen(study, "typology:mine:en,fr,sw:wanda:0.5")
