"""The pages Transfer and Winning tickets without a browser, and their figures."""

import json
import re
import shutil

import apppages
import numpy as np
import pandas as pd
import pytest
import synthetic
from apppages import charts, numbers, opened, text

from neutral import figures, opening
from neutral.export.drawn import words as unmarked
from neutral.figures import costs
from neutral.figures.costs import OFF
from neutral.members import display
from neutral.metrics import by_accuracy
from neutral.recipes import PARTS
from neutral.search import winning
from neutral.study import Study
from neutral.transfer import answers, published, results
from pages.parts import catalogue
from pages.parts.search import words
from pages.parts.transfer import words as of_transfer
from pages.parts.transfer.tables import PAPER, Experiment


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a study that has runs, one seed's scores with parts, and one without any."""
    folder = tmp_path_factory.mktemp("studies")
    study = synthetic.transfers(synthetic.encoder_study(folder / "made", layers=3))
    draw = np.random.default_rng(0)
    for language in synthetic.ELEVEN:
        base = 3 + draw.random(20)
        for sparsity in (0.0, 0.3, 0.5, 0.7):
            loss = base + (0.8 if sparsity == 0.7 else 0.0) + 0.01 * draw.standard_normal(20)
            study.append(
                "score",
                task="mlm",
                method="magnitude" if sparsity else "full",
                language=language,
                sparsity=sparsity,
                seed=7,
                variant="trained",
                metric="perplexity",
                value=float(np.exp(loss.mean())),
                parts=[loss.tolist(), [1.0] * 20],
            )
    study.extend("transfer", crossed())
    synthetic.two_language_study(folder / "two")
    return folder


def crossed():
    """Runs of masks across tasks, and of the mask of a mixture."""
    f1 = {("ner", "de"): 0.8, ("ner", "random"): 0.1, ("mlm", "de"): 0.5, ("ner", "en"): 0.6, ("ner", "en+fr"): 0.7}
    rows = [
        {"task": "ner", "source_task": task, "source": source, "target": "de", "metric": "f1", "value": value}
        for (task, source), value in f1.items()
    ]
    mlm = {"task": "mlm", "source_task": "ner", "source": "de", "target": "de", "metric": "perplexity"}
    rows += [mlm | {"value": 90.0}, mlm | {"value": 95.0, "seed": 1}]
    return [{"method": "magnitude", "sparsity": 0.5, "seed": 0, "steps": 5, "loss": 0.0, **row} for row in rows]


@pytest.fixture(autouse=True)
def only_these_studies(folder, tmp_path, monkeypatch):
    apppages.only(folder, tmp_path, monkeypatch)


def plain(cell: str) -> str:
    """A cell's words, without their colour."""
    return re.sub(r"<[^>]*>", "", cell)


def test_a_study_with_runs_shows_its_matrix_and_what_foretells_it():
    at = opened("pages/transfer.py")
    assert not at.error
    matrix = charts(at)[0]["data"][0]
    assert matrix["x"][:2] == ["Russian", "German"]
    assert [name.removesuffix(OFF) for name in matrix["y"][11:]] == [
        *("own, found under seed 2", "full model", "pretrained weights' mask", "core of the others"),
        *("union of the others", "most of the others", "random mask"),
    ]
    assert matrix["y"][-1].endswith(OFF)
    said = text(at)
    answer = next(line for line in said.split("\n") if "serves other languages best" in line)
    assert re.search(r"costs \+[\d.]+% of their own masks' perplexity, in the mean; .* serves them worst", answer)
    assert "The more two masks overlap, the less they cost each other's language (ρ = −0.9" in answer
    assert len(at.metric) <= 5
    assert "**Core** (what all others keep" in said
    assert "better than the mean of the others' single masks for **11 of 11** languages" in said
    assert "**Vote** (what most of them keep)" in said
    assert "than a random mask for **11 of 11**" in said
    assert "ρ = **-0.9" in said, "in the made study overlap foretells transfer"
    assert "exchanging relatives only" in said
    assert "2 seeds a cell" in said


def test_a_pair_is_answered_and_the_most_costly_one_is_named():
    at = opened("pages/transfer.py")
    rows = results.select(Study.table(catalogue.studies()[0]["made"], "transfer"), "mlm", 0.5)
    most = answers.dearest(results.against_own(results.matrix(rows)))
    cost = costs.written(most["cost"])
    named = {code: display(code) for code in (most["source"], most["target"])}
    said = text(at)
    assert f"The most costly is {named[most['source']]}'s on {named[most['target']]}: {cost}." in said
    assert (
        f"**{named[most['source']]}'s mask, trained on {named[most['target']]}: {cost}** of perplexity (own mask "
        in said
    )
    at = opened("pages/transfer.py", **{"mask-of": "French", "trained-on": "German"})
    assert "**French's mask, trained on German: " in text(at)
    assert "No star allows for the search itself: an own mask that was found under another seed costs" in text(at)


def test_a_pair_without_a_full_model_or_without_runs_says_what_there_is():
    rows = [("en", "en", 50.0, 0.0), ("fr", "en", 55.0, 0.1), ("full", "en", 5.0, -0.9)]
    table = pd.DataFrame(rows, columns=["source", "target", "value", "cost"])
    table = table.assign(metric="perplexity", own=50.0, paired=table["value"])
    said = "**French's mask, trained on English: +10%** of perplexity (own mask 50, French's 55"
    assert of_transfer.pair(table, "fr", "en") == f"{said}, full model 5)."
    assert of_transfer.pair(table[:2], "fr", "en") == f"{said})."
    assert of_transfer.pair(table, "de", "en") == "German's mask was not trained on English here."


def test_a_row_is_off_the_scale_only_if_most_of_it_is():
    cost = np.array([[0.0, 0.3], [0.2, 0.0], [0.1, 0.4], [0.9, 0.8]])
    names = ["en", "fr", "core", "random"]
    drawn = costs.square(cost, names, ["en", "fr"], languages=2, hover=[["", ""]] * 4).data[0]
    assert list(drawn.y) == ["en", "fr", "core", f"random{OFF}"]
    assert list(drawn.text[2]) == ["+10%", "+40%"]


def test_an_own_mask_found_under_another_seed_tells_the_language_from_the_search():
    lines = text(opened("pages/transfer.py")).split("\n")
    said = next(line for line in lines if line.startswith("- The own mask found once more"))
    cost = float(re.search(r"under seed 2: ([\d.]+)% worse than the own one in the mean of 11 languages", said)[1])
    assert cost == pytest.approx(100 * np.expm1(0.1), abs=0.5)
    rows = results.select(Study.table(catalogue.studies()[0]["made"], "transfer"), "mlm", 0.5)
    cells = results.bootstrap(results.reseeded(rows, 2))
    cells = cells[cells["source"].isin(synthetic.ELEVEN) & (cells["p"] < 0.05)]
    worse, better = (cells["gain"] < 0).sum(), (cells["gain"] > 0).sum()
    assert f"significantly worse in {worse} of 110 pairs and better in {better}" in said


def test_one_seed_of_the_training_can_be_looked_at():
    every, first = opened("pages/transfer.py"), opened("pages/transfer.py", training="0")
    assert "Training seed 0" in text(first)
    assert "compared under the same seeds" not in text(first)
    assert charts(every)[0]["data"][0]["z"] != charts(first)[0]["data"][0]["z"]
    assert "takes more than one seed" in text(first)
    assert "Mind the seed" not in text(first), "of this study nobody said which seed its masks were found under"


def test_own_masks_that_meet_the_examples_they_were_found_on_are_said_to(folder, tmp_path, monkeypatch):
    copied = tmp_path / "studies" / "seeded"
    shutil.copytree(folder / "made", copied)
    info = json.loads((copied / "study.json").read_text())
    (copied / "study.json").write_text(json.dumps(info | {"settings": {"transfer mlm": {"mask_seed": 0}}}))
    monkeypatch.setenv(catalogue.VARIABLE, str(copied.parent))
    first = text(opened("pages/transfer.py"))
    assert "Training seed 1" in first, "the seed that own masks are not fitted to comes first"
    assert "Mind the seed" not in first
    assert "training seed 0 trains an own mask once more" in text(opened("pages/transfer.py", training="0"))


@pytest.mark.parametrize(
    ("full", "metric", "said"),
    [
        (5.0, "perplexity", "(10 times its perplexity)"),
        (0.9, "f1", "All masks are far"),
        (0.1, "f1", "has learnt less"),
    ],
)
def test_masks_far_from_the_full_model_are_said_to_be(full, metric, said, folder, monkeypatch):
    own = 50.0 if metric == "perplexity" else 0.5
    rows = [
        *(
            {"source": s, "target": t, "value": own if s == t else own * 0.98}
            for s in ("en", "fr")
            for t in ("en", "fr")
        ),
        *({"source": "full", "target": t, "value": full, "method": "full", "sparsity": 0.0} for t in ("en", "fr")),
    ]
    only_this_study(folder.parent / f"far-{metric}-{full}", metric, rows, monkeypatch)
    assert said in text(opened("pages/transfer.py"))


def only_this_study(path, metric, rows, monkeypatch):
    """The page shows a study of these runs alone."""
    common = {"task": "mlm", "source_task": "mlm", "method": "magnitude", "sparsity": 0.5, "seed": 0, "steps": 5}
    study = Study.create(path, {"title": "made", "task": "mlm", "model": "x"})
    study.extend("transfer", [common | {"metric": metric, "loss": 0.0} | row for row in rows])
    monkeypatch.setenv(catalogue.VARIABLE, str(path))


def test_own_masks_that_have_hardly_learnt_are_named_and_better_pairs_counted(tmp_path, monkeypatch):
    right = {"en": 8, "fr": 7, "de": 1}
    rows = [
        {"source": s, "target": t, "value": right[s] / 10, "parts": [[1] * right[s] + [0] * (10 - right[s]), [1] * 10]}
        for s in right
        for t in right
    ]
    only_this_study(tmp_path / "weak", "accuracy", rows, monkeypatch)
    said = text(opened("pages/transfer.py"))
    assert "have hardly learnt the task (Accuracy: German 0.10)" in said
    assert "In 2 of 6 pairs another's mask is significantly worse than the own one, in 2 better." in said


def test_masks_of_other_tasks_are_compared_under_the_chosen_seed_if_they_were_trained_under_it():
    def seeds(target, **asked):
        said = text(opened("pages/transfer.py", target=target, **asked)).split("\n")
        return [line.split("Training seed")[1] for line in said if "Own masks score" in line]

    assert seeds("Masked language modelling") == ["s 0, 1."]
    assert seeds("Masked language modelling", training="1") == [" 1."]
    assert seeds("Named entities", training="1") == [" 0."], "no names were trained under seed 1"


def test_transfers_that_succeed_by_the_papers_rule_are_marked():
    at = opened("pages/transfer.py")
    texts = [unmarked(cell) for trace in charts(at)[0]["data"] for line in trace["text"] for cell in line]
    marked = sum(cell.endswith("°") for cell in texts)
    rows = Study.table(catalogue.studies()[0]["made"], "transfer")
    table = results.against_own(results.matrix(results.select(rows, "mlm", 0.5)))
    tested = results.bootstrap(results.select(rows, "mlm", 0.5))
    stars = set(tested[tested["p"] < 0.05][["source", "target"]].itertuples(index=False, name=None))
    good = table[table["successful"].fillna(False).astype(bool) & (table["source"] != table["target"])]
    expected = [pair for pair in good[["source", "target"]].itertuples(index=False, name=None) if pair not in stars]
    assert marked == len(expected)
    assert ("the paper's rule" in text(at)) == bool(len(good))


def test_everything_follows_the_languages_chosen():
    at = opened("pages/transfer.py", languages=["English", "French", "Urdu", "Hindi"])
    assert charts(at)[0]["data"][0]["x"] == ["English", "Hindi", "Urdu", "French"]
    assert len(charts(at)[1]["data"][0]["x"]) == 4


def test_scores_of_language_modelling_can_be_shown_by_accuracy(folder, tmp_path, monkeypatch):
    """A token in three is right in every block, and one more of a language's own masks than of others'."""
    copied = tmp_path / "studies" / "counted"
    shutil.copytree(folder / "made", copied)
    rows = [json.loads(line) for line in (copied / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    few = {"en", "de", "fr", "random", "full", "core"}  # so that it is quick
    rows = [row for row in rows if {row.get("source", "en"), row.get("target", row.get("language"))} <= few]
    for row in rows:
        if row["metric"] == "perplexity" and "parts" in row:
            tokens, right = [30.0] * 20, [11.0 if row.get("source") == row.get("target") else 10.0] * 20
            row |= {"accuracy": right[0] / 30, "parts": [row["parts"][0], tokens, right]}
    (copied / "results.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    apppages.only(tmp_path / "studies", tmp_path, monkeypatch)
    at = opened("pages/transfer.py", scored="Accuracy")
    assert at.selectbox(key="scored").value == "accuracy"
    assert "costs +9.1% of their own masks' accuracy" in text(at)
    cells = by_accuracy(results.select(Study(copied).table("transfer"), "mlm", 0.5))
    assert set(results.against_own(results.matrix(cells))["metric"]) == {"accuracy"}
    tested = results.bootstrap(cells)
    np.testing.assert_allclose(tested["gain"], -1 / 30)
    assert tested["p"].max() < 0.05
    at = opened("pages/tickets.py", scored="Accuracy")
    curve = charts(at)[0]
    assert curve["layout"]["yaxis"]["title"]["text"] == "Accuracy"
    assert set(numbers(curve["data"][-1]["y"])) <= {10 / 30, 11 / 30}


def test_the_paper_is_in_the_same_views_and_below_ours_if_asked():
    alone = opened("pages/transfer.py", runs=PAPER)
    assert published.CITATION in text(alone)
    assert charts(alone)[0]["data"][0]["y"][-1].removesuffix(OFF) == "full model"
    both = opened("pages/transfer.py", paper="true")
    assert len(charts(both)) == len(charts(alone)) + len(charts(opened("pages/transfer.py")))
    other = opened("pages/transfer.py", runs=PAPER, table="mT5, Inference (XNLI)")
    assert charts(other)[0]["data"][0]["y"][-1].removesuffix(OFF) == "random mask"


def test_other_tasks_and_mixtures_are_shown_beside_the_paper():
    at = opened("pages/transfer.py", paper="true", target="Named entities")
    headings = [heading.value for heading in at.header]
    assert headings[-2:] == ["Across tasks", "A ticket for several languages"]
    (ours, *beyond), (printed, *_) = [chart["data"] for chart in charts(at)][-2:]
    assert ours["y"] == ["Masked language modelling", f"Random mask{OFF}"]
    cells = [[[plain(cell) for cell in row] for row in trace["text"]] for trace in (ours, beyond[0])]
    assert cells == [[["+38%"], [""]], [[""], ["+88%"]]], "in per cent of 80 points"
    assert "Cost in points, above 0 is worse" in text(at), "the paper prints no own scores"
    assert "Own masks score German 80." in text(at)
    assert "**Beside the paper:** in the mean of pairs another's mask is" in text(at)
    assert "English" in printed["x"]
    mixed = next(table.value for table in at.dataframe if "English, French mixed" in table.value.index)
    assert mixed.loc[["Own mask", "English, French mixed"], "German"].tolist() == [80, 70]
    assert len(charts(opened("pages/transfer.py", target="Masked language modelling"))) == len(charts(at)) - 3


def test_another_sparsity_than_the_papers_is_said():
    model = next(iter(published.MODELS))
    paper = Experiment("paper", "mlm", 0.5, model=model)
    assert "But " not in of_transfer.beside(paper, paper)
    ours = Experiment("ours", "mlm", 0.8, model=model)
    assert "But 80% are removed here and 50% there, so they are not alike." in of_transfer.beside(ours, paper)


def test_a_folder_without_runs_shows_the_paper_and_says_how_to_make_some(monkeypatch, folder):
    monkeypatch.setenv(catalogue.VARIABLE, str(folder / "two"))
    at = opened("pages/transfer.py")
    assert "python -m neutral transfer" in text(at)
    assert published.CITATION in text(at)


def test_tickets_say_where_they_are_lost():
    at = opened("pages/tickets.py", study="made", sparsity="30%")
    said = text(at)
    assert "magnitude · 10% to 50% removed" in said or " to " in said.partition("magnitude · ")[2][:12]
    assert "as good as the full model**, not significantly worse, by bootstrap:" in said.lower()
    assert not {"sparsity", "seed"} & {box.key for box in at.selectbox}, "they change nothing here"
    assert "sparsity=30%25" in at.get("page_link")[1].proto.query_string, "and are kept for other pages"
    assert "Table 2, perplexity" in said
    names = [trace["name"] for chart in charts(at) for trace in chart["data"] if "name" in trace]
    assert "Ticket" in names
    assert any(name.startswith("Full model") for name in names)


def test_the_most_that_was_tried_is_no_limit_and_languages_come_in_the_order_of_the_figures():
    levels = pd.DataFrame({"language": ["en", "en", "sw", "sw", "ur"], "sparsity": [0.1, 0.5, 0.1, 0.5, 0.5]})
    won = {"en": 0.5, "sw": 0.1, "ur": np.nan}
    winners = pd.DataFrame({"language": list(won), "rule": "within_std", "sparsity": list(won.values())})
    said = words.answer(winners, levels, ["ur", "en", "sw"])
    assert said == (
        "**As good as the full model**, within one standard deviation: at least 50% removed, the most that was tried, "
        "for English; up to 10% removed for Swahili; not even 50% removed, the least that was tried, for Urdu."
    )


def test_how_tickets_were_trained_is_beside_the_paper():
    at = opened("pages/tickets.py", study="made")
    recipes = next(table.value for table in at.dataframe if "Steps a round" in table.value.columns)
    assert recipes.index[0].endswith("masked language modelling")
    assert recipes.loc["The paper, named entities", "Steps a round"] == "1,875"
    assert recipes.loc["The paper, named entities", "Rate falls"] == "as over all rounds, anew in each"
    assert recipes["Rate falls"].iloc[0] == "–", "this study does not say"
    parts = words.recipe(examples=1, steps=2, batch=3, rate=1e-4, parts=PARTS["default"], seeds=1, again=None)
    assert (parts["Rate falls"], parts["Warm-up"], parts["Task's head"]) == ("to 0 in every round", "5%", "rewound")
    assert recipes.loc["The paper, masked language modelling"].iloc[-1] == "92.23%"
    assert recipes["Seeds of masks"].iloc[0] == "2"
    assert recipes.iloc[0, -1].endswith("%"), "overlap of the same language under other seeds"


def test_masks_without_scores_say_how_to_get_them():
    at = opened("pages/tickets.py", study="two")
    assert not at.error
    assert "trains and scores a ticket at every sparsity" in " ".join(box.value for box in at.info)


@pytest.fixture
def table(folder):
    rows = Study(folder / "made").table("transfer")
    return results.against_own(results.matrix(results.select(rows, "mlm", 0.5)))


def test_the_page_opens_where_another_languages_mask_costs_most(table):
    dearer = table.assign(cost=table["cost"] * 2)
    unknown = table.assign(cost=np.nan)
    assert answers.costliest({0.5: table, 0.8: dearer, 0.9: unknown}) == 0.8
    assert answers.costliest({0.5: dearer, 0.8: table}) == 0.5
    assert answers.costliest({0.5: unknown}) is None


def test_colours_of_the_matrix_are_costs_and_a_row_off_the_scale_is_grey(table):
    figure = figures.transfer_matrix(table, list(synthetic.ELEVEN), marks={("fr", "en"): "*"})
    heat, grey = figure.data
    z, off = (np.array(trace.z, dtype=float) for trace in (heat, grey))
    cost = table.set_index(["source", "target"])["cost"]["fr", "en"]
    assert cost > 0, "a higher perplexity is worse"
    assert z[1, 0] == pytest.approx(np.log2(1 + cost))
    assert heat.colorscale[-1][1] == figures.theme.DIVERGING[-1][1], "red"
    assert heat.zmax == -heat.zmin == pytest.approx(np.nanmax(np.abs(z[:11]))), "the largest between languages"
    assert plain(heat.text[1][0]) == f"{costs.written(cost)}*"
    last = list(heat.y).index(f"random mask{OFF}")
    assert np.isnan(z[last]).all()
    assert np.isfinite(off[last]).all()
    assert plain(grey.text[last][0]).startswith("+"), "it is written, and not coloured"
    assert np.isnan(off[:11]).all()
    scores = figures.transfer_matrix(table, list(synthetic.ELEVEN), "value").data[0]
    assert float(plain(scores.text[1][0])) == pytest.approx(
        table.set_index(["source", "target"])["value"]["fr", "en"], abs=0.01
    )


def test_a_cost_above_0_is_worse_where_higher_scores_are_better(folder):
    rows = results.select(Study(folder / "made").table("transfer"), "ner", 0.5)
    table = results.against_own(results.matrix(rows)).set_index(["source", "target"])
    assert table["cost"]["random", "de"] == pytest.approx((0.8 - 0.1) / 0.8)


def test_the_hover_says_which_scores_are_compared(table):
    cell = (table["source"] == "fr") & (table["target"] == "en")
    told = figures.transfer_matrix(table, list(synthetic.ELEVEN)).data[0].customdata[1][0]
    assert "under the same seeds" not in told
    mixed = table.assign(value=table["value"].where(~cell, 99.0), own=table["own"].where(~cell, 30.0))
    told = figures.transfer_matrix(mixed, list(synthetic.ELEVEN)).data[0].customdata[1][0]
    assert "perplexity 99 " in told
    assert f"under the same seeds {table[cell]['paired'].item():.4g}, own mask 30:" in told


@pytest.mark.parametrize(("span", "form"), [(0.3, "+.0%"), (0.03, "+.1%"), (0.003, "+.2%"), (0.0, "+.0%")])
def test_percents_have_the_decimals_that_tell_ticks_apart(span, form):
    points = pd.DataFrame({"source": "en", "target": "fr", "overlap": [0.9, 0.8], "cost": [span, span / 2]})
    assert figures.overlap_against_transfer(points, "overlap", "change").layout.yaxis.tickformat == form


def test_bars_and_curves_show_their_tables(table):
    drops = results.relative_drop(table).assign(line="50%")
    bars = figures.drop_bars(drops, list(synthetic.ELEVEN), "perplexity").data[0]
    assert dict(zip(bars.x, bars.y, strict=True))["French"] == pytest.approx(drops.set_index("source")["value"]["fr"])
    common = {"language": "en", "metric": "perplexity", "std": 0.1, "seeds": 3}
    common |= {"full": 4.0, "full_std": 0.2, "full_seeds": 3, "low": -1.0}
    rows = [
        common | {"sparsity": s, "value": v, "gain": 4 - v, "high": 4.2 - v, "within_std": good, "not_worse": good}
        for s, v, good in ((0.3, 4.1, True), (0.5, 5.0, False))
    ]
    levels = pd.DataFrame(rows)
    levels = levels.astype({"within_std": "boolean", "not_worse": "boolean"})
    curve = figures.ticket_curve(levels, pd.DataFrame({"sparsity": [0.5], "value": [9.0]}), "en")
    ticket = next(trace for trace in curve.data if trace.name == "Ticket")
    assert list(ticket.marker.symbol) == ["circle", "circle-open"]
    far = figures.ticket_curve(levels, pd.DataFrame({"sparsity": [0.3, 0.5], "value": [9.0, 99.0]}), "en")
    said = next(trace for trace in far.data if (trace.name or "").startswith("Random"))
    assert said.name == "Random mask, above: 99 at 50%", "far above the tickets, it is said and not drawn"
    assert said.y[0] == 9.0
    assert np.isnan(said.y[1])
    raw = figures.ticket_curve(levels, pd.DataFrame({"sparsity": [0.5], "value": [1.7e6]}), "en", trained=False)
    assert {"Mask, not retrained", "Random mask, above: 1,700,000 at 50%"} <= {trace.name for trace in raw.data}
    won = winning.winners(levels)
    lost = figures.winning_bars(won.assign(line=won["rule"], sparsity=np.nan), ["en"])
    assert [note.text for note in lost.layout.annotations] == ["none"], "no bar is no missing number"
    assert lost.layout.xaxis.dtick == 1
    assert "no tickets that were retrained" in words.tried(levels, trained=False)
    assert "ticket" not in words.heading(trained=False)
    assert [list(bar.y) for bar in figures.winning_bars(won.assign(line=won["rule"]), ["en"]).data] == [[0.3], [0.3]]


def test_nothing_stands_above_the_heading():
    for page in ("pages/transfer.py", "pages/tickets.py", "pages/layers.py"):
        shown = [element.type for element in opened(page, study="made").main if element.type != "main"]
        assert shown[0] == "title", "a bare string in a page's script would be written out"


def test_the_overview_leads_to_both_pages():
    labels = [link.proto.label for link in opened("app.py").get("page_link")]
    assert "Does a mask work for another language?" in labels
    assert "How sparse a language's ticket can get" in labels


def test_a_curve_says_of_how_many_seeds_its_tickets_are():
    levels = pd.DataFrame({"seeds": [2, 1], "full_seeds": [2, 2], "not_worse": [True, False]})
    assert "1 to 2 seeds of a ticket, 2 of the full model" in words.curve(levels, trained=True)
    assert "1 seed of a ticket, 2 of the full model" in words.curve(levels[1:], trained=True)


def test_a_study_without_runs_is_said_to_have_none(folder):
    synthetic.two_language_study(folder / "bare")
    said = "**These runs are of “made”**: the study “bare” has no transfer runs."
    assert said in text(opened("pages/transfer.py", study="bare"))
    assert "`python -m neutral transfer --study` makes runs for “bare”" in text(
        opened("pages/transfer.py", study="bare")
    )
    assert "has no transfer runs" not in text(opened("pages/transfer.py", study="made"))
    assert "has no transfer runs" not in text(opened("pages/transfer.py", study="bare", runs=PAPER))


def test_a_first_visit_says_that_the_runs_are_of_another_study(folder, monkeypatch):
    synthetic.two_language_study(folder / "bare")
    monkeypatch.setattr(opening, "study", lambda studies, tells: "bare")  # what other pages open on
    assert "**These runs are of “made”**" in text(opened("pages/transfer.py"))


def test_a_rank_correlation_that_there_is_none_of_is_not_written():
    said = of_transfer.foretold(float("nan"), 2)
    assert "nan" not in said
    assert said.startswith("2 ordered pairs")


def test_transfers_and_tickets_are_pinned_and_stand_beside_the_papers():
    at = opened("pages/transfer.py", paper="true")
    for key in [button.key for button in at.button if button.key and button.key.startswith("pin-")]:
        at.button(key=key).click().run()
    own, paper = at.session_state["_pins"]
    assert own.startswith("transfer:made::magnitude:0.5:mlm:")
    assert paper.startswith("transfer:@paper::bert-base-multilingual-cased:0.5:mlm")
    shown = opened("pages/compare.py", pin=[own, paper])
    assert not shown.warning
    assert "Another language's mask costs" in text(shown)
    assert [link.proto.query_string for link in shown.get("page_link") if link.proto.label == "Open"]
    at = opened("pages/tickets.py", study="made")
    at.button(key="pin-study").click().run()
    tickets = opened("pages/compare.py", pin=at.session_state["_pins"])
    assert not tickets.warning
    assert "Winning tickets of 11 languages" in text(tickets)
