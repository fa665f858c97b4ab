"""The Compression page without a browser: every part of it, live compression of a tiny model, and what is missing."""

import json
import subprocess
import sys

import apppages
import pandas as pd
import pytest
import synthetic
import tiny
from apppages import charts, numbers, text
from conftest import ROOT

from neutral import compression, glossary
from neutral.compression import checkpoint, choosing, downstream, projection, results
from neutral.members import display
from neutral.study import Study
from pages.parts import catalogue
from pages.parts.compression import explorer, live, models, words
from pages.parts.compression.budget_words import arrow

PARTS = ["Perplexity", "Errors", "By step", "Direction or distance", "Losses", "Fine-tuning", "Live", "Tokens"]
LIVE = PARTS[-2:]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny model with a tokenizer of three languages."""
    return tiny.saved(tmp_path_factory.mktemp("models") / "tiny", size=700, languages=("en", "ar", "zh"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, model):
    """A folder with a study of that model's table, and one of masks."""
    folder = tmp_path_factory.mktemp("studies")
    synthetic.compression_study(folder / "tables", model=model)
    synthetic.two_language_study(folder / "two")
    return folder


@pytest.fixture(autouse=True)
def only_these_studies(folder, tmp_path, monkeypatch):
    """The app finds the synthetic studies and the tiny model, and no others."""
    apppages.only(folder, tmp_path, monkeypatch)
    monkeypatch.setattr(models, "MODELS", tmp_path / "none")
    monkeypatch.setattr(models, "_others", lambda roots: {})


def opened(page="pages/compression.py", **address):
    """A page of a fresh server."""
    return apppages.opened(page, **address)


@pytest.mark.parametrize(("part", "count"), list(zip(PARTS, [2, 3, 0, 2, 0, 1, 0, 0], strict=True)))
def test_every_part_opens(part, count):
    at = opened(part=part)
    assert not at.error
    assert len(charts(at)) == count


def test_tables_are_in_words_and_their_files_in_the_names_of_the_library(monkeypatch):
    from pages.parts import show

    files = []
    monkeypatch.setattr(show, "csv", lambda frame, name, key: files.append(frame))
    at = opened(of="Swahili", within="20%")
    at.session_state["budget-box"] = True
    at.run()
    assert {"Method", "Within 20%", "Perplexity"} <= set(at.dataframe[-1].value)
    assert {"line", "times_smaller", "megabytes", "perplexity_full", "perplexity"} <= set(files[0])
    assert set(files[0]["language"]) == {"sw"}, "it says whose it is, and how much worse it may be"
    assert set(files[0]["tolerance_percent"]) == {20.0}
    assert "How far every method goes: Swahili, 20%" in [box.label.removeprefix("Table: ") for box in at.expander]
    assert glossary.of("Cosine distance") == glossary.line("cosine")


def test_weights_of_a_four_bit_copy_are_said_where_perplexity_is_read(tmp_path, monkeypatch, model):
    study = synthetic.compression_study(tmp_path / "gguf", model=model)
    told = json.loads((study.path / "study.json").read_text()) | {"weights": "a62e6031e19ceb97", "model": "gemma"}
    (study.path / "study.json").write_text(json.dumps(told))
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    at = opened()
    assert "4-bit copy" in text(at)
    assert any("--model PATH/TO/gemma " in code.value for code in at.code)
    assert "stands for that model's folder or hub id, which the study has not recorded" in text(at)


@pytest.mark.long
@pytest.mark.parametrize("part", PARTS)
def test_every_picker_works(part):
    at = opened(part=part)
    for key in [box.key for box in at.selectbox]:
        at.selectbox(key=key).select_index(len(at.selectbox(key=key).options) - 1).run()
        assert not at.exception, key
        assert not at.error, key
        at.selectbox(key=key).select_index(0).run()


def test_the_page_begins_with_the_method_the_ratio_and_the_size_for_every_language(folder):
    study = Study(folder / "tables")
    scores = results.scores(study.table("perplexity"), results.tables(study.table("table")))
    rows = choosing.within(scores[(scores["where"] == "both") & ~scores["words"] & ~scores["trimmed"]], "bytes")
    at = opened()
    first, second = rows.iloc[0], rows.iloc[1]
    assert first["line"] == "int4"  # its one size
    own = scores[
        (scores["line"] == "int4") & (scores["where"] == "both") & ~scores["words"] & (scores["by"] == "bytes")
    ]
    rows_of = own.set_index("language")["factor"]
    most = rows_of.idxmax()
    before = own.set_index("language")["value"][most] / rows_of[most]
    changed = arrow(choosing.Change(most, before, before * rows_of.max())).replace("→", "to")
    assert at.markdown[0].value == (
        f"**Every language stays within 10% of the full model's perplexity with int4 at {first['ratio']:.3g} × fewer "
        f"bytes: 25.6 kB become {25.6 / first['ratio_bytes']:.3g} kB**, in the input and the output layer "
        f"(its one size). The perplexity of {display(most)}, which suffers most there, goes from {changed} "
        "equally likely tokens."
    )
    tiles = {tile.label: tile.value for tile in at.metric}
    assert tiles["Perplexity"] == changed.split(" to ")[1]
    assert tiles["Next best method"] == f"{second['ratio']:.3g} ×"
    assert len(at.metric) <= 5
    assert all(tile.proto.help for tile in at.metric)
    ring = next(trace for trace in charts(at)[0]["data"] if trace["marker"]["symbol"] == "circle-open")
    assert numbers(ring["x"])[0] == pytest.approx(first["ratio"])


def test_a_language_and_a_tolerance_in_the_address_have_their_own_answer():
    at = opened(of="Swahili", within="50%", where="Input only")
    said = at.markdown[0].value
    assert said.startswith("**Swahili stays within 50% of the full model's perplexity with mixed, √frequency at ")
    assert "in the input alone, and the output layer keeps its own 25.6 kB" in said
    assert [shape["y0"] for shape in charts(at)[0]["layout"]["shapes"]] == [1.0, 1.5]
    assert "of=Swahili" not in said
    at.session_state["budget-box"] = True
    at.run()
    table = at.dataframe[-1].value
    assert {"Method", "Times smaller, by bytes", "Within 50%", "MB"} <= set(table)
    assert any("neutral compress" in code.value and "--methods mixed" in code.value for code in at.code)
    assert any("TEXT stands for a folder of text" in caption.value for caption in at.caption)
    nothing = opened(of="Swahili", within="1%", by="Parameters").markdown[0].value
    assert nothing.startswith("**Nothing that was tried keeps Swahili within 1%")
    assert "times the perplexity" in nothing


def test_the_language_that_is_asked_for_is_marked_and_a_line_below_the_full_model_is_explained():
    at = opened(of="Swahili")
    (band,) = [shape for shape in charts(at)[1]["layout"]["shapes"] if shape["type"] == "rect"]
    assert band["y1"] - band["y0"] == 1.0
    assert not [shape for shape in charts(opened())[1]["layout"].get("shapes", ()) if shape["type"] == "rect"]
    points = pd.DataFrame({"line": ["svd"], "factor": [0.97], "size": [2.0]})
    assert "Below 1 a table does a little better" in words.curve(points, 10.0, 1.1, [])
    assert "Below 1" not in words.curve(points.assign(factor=1.01), 10.0, 1.1, [])


def test_a_curve_that_goes_up_and_down_has_its_reason_beside_it(tmp_path, monkeypatch):
    study = synthetic.compression_study(tmp_path / "zigzag", languages=("en", "sw"))
    rows = [
        row | ({"loss": row["loss"] + 3.0} if row["kind"] == "perplexity" and up(row) else {}) for row in study.rows()
    ]
    (study.path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    said = text(opened(of="Swahili"))
    assert "pq goes up and down" in said
    assert "codes are learnt from a sample of the rows" in said
    assert "Measured on the bundled sentences" not in said  # of mini-mbert alone
    assert "goes up and down" not in text(opened(of="Swahili", lines="Languages"))


def up(row):
    """Whether a row is of pq's smallest table."""
    return row["method"] == "pq" and row["ratio"] == 1.5 and row["by"] == "bytes"


def test_it_always_says_where_the_compressed_table_went():
    assert "in the input and in the tied output layer" in text(opened())
    assert "in the input only, output layer as it was" in text(opened(where="Input only"))
    assert "whole words masked" in text(opened(masking="Whole words"))


def test_an_address_restores_the_view():
    at = opened(by="Parameters", where="Input only", lines="Languages", **{"method-line": "autoencoder elu"})
    assert [at.selectbox(key=key).value for key in ("by", "where", "method-line")] == [
        "parameters",
        "input",
        "autoencoder elu",
    ]
    names = [trace["name"] for trace in charts(at)[0]["data"] if "name" in trace]
    assert len(names) == 11
    assert "Swahili" in names
    assert "against the ratio by parameters, under autoencoder elu" in charts(at)[0]["layout"]["meta"]["alt"]


def test_the_errors_by_script_are_those_of_the_ratio_and_method_in_the_address():
    at = opened(part="Errors", group="Script", at="5 ×", spread="pq")
    spread = charts(at)[2]
    assert [trace["name"] for trace in spread["data"]] == ["pq"]
    assert spread["layout"]["yaxis"]["ticktext"][:2] == ["Latin", "Cyrillic"]


def test_the_steps_say_what_was_kept_and_what_the_reported_text_would_have_chosen():
    at = opened(part="By step", by="Parameters")
    said = text(at)
    assert "**autoencoder linear** keeps epoch 3" in said
    assert "(least: epoch 4, " in said
    assert "Chosen on the text that is reported, as in the paper's scripts, it would be 33.0% lower" in said
    held_out, training = (charts(at)[0]["data"][i] for i in (0, 1))
    assert held_out["marker"]["size"] == training["marker"]["size"] == [5, 5, 12, 5]
    assert charts(at)[1]["layout"]["yaxis"]["title"]["text"] == "Mean cosine distance"
    seeds = text(opened(part="By step", by="Parameters", unit="Iterations (svd randomized)"))
    assert "**svd randomized under seed 1** keeps 5 iterations" in seeds
    assert "would have chosen the same" in seeds


def test_scores_line_by_line_are_a_masking_of_their_own(tmp_path, monkeypatch):
    study = synthetic.compression_study(tmp_path / "lines", languages=("en", "sw"))
    lines = [
        {**row, "scoring": "lines", "words": True, "loss": row["loss"] + (row["method"] == "pq")}
        for row in study.rows("perplexity")
        if row["words"] and row["method"] in ("full", "svd", "pq")
    ]
    study.extend("perplexity", [{k: v for k, v in row.items() if k != "kind"} for row in lines])
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    at = opened(masking="Line by line")
    assert "line by line, as in the paper's scripts" in text(at)
    pages = (at, opened(masking="Whole words"))
    shown, others = (
        {str(t.get("name")).removesuffix(", uniform"): t for t in charts(page)[0]["data"]} for page in pages
    )
    assert {name for name in shown if "×" not in name} - {"None"} == {"svd", "pq"}
    assert {"svd", "pq"} < set(others)
    assert shown["pq"]["y"] != others["pq"]["y"]
    assert shown["svd"]["y"] == others["svd"]["y"]


def test_the_verdict_has_its_numbers_and_intervals():
    said = text(opened(part="Direction or distance"))
    assert "Cosine distance foretells perplexity better than RMSE" in said
    assert "95% interval" in said
    assert "cosine distance lower in 10 of 10 (sign test p = 0.002)" in said


def test_the_losses_are_compared_where_there_are_several(tmp_path, monkeypatch):
    assert "No size by bytes was tried under two losses here" in text(opened(part="Losses"))
    study = synthetic.compression_study(tmp_path / "losses", languages=("en", "sw"))
    plain = [row for row in study.rows() if row.get("method") == "autoencoder" and row["variant"] == ""]
    for loss, times in (("cosine", 1.01), ("rmse", 1.2)):
        for seed in (0, 1):
            for row in plain:
                longer = {"loss": row["loss"] * (times + 0.001 * seed)} if row["kind"] == "perplexity" else {}
                study.append(**row | {"variant": loss, "seed": seed} | longer)
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    at = opened(part="Losses", by="Parameters")
    assert not at.error
    assert "Yes: at 1.5, 2.5, 5, 10, 20 × the cosine distance alone gives" in text(at)
    assert "(2 seeds). The first is better in 2 of 2, " in text(at)
    assert len(charts(at)[0]["data"]) == 3 * 3  # losses × panels
    at = opened(part="Losses", by="Parameters", loss="RMSE alone", against="Cosine alone")
    assert "No: at 1.5, 2.5, 5, 10, 20 × RMSE alone gives" in text(at)


@pytest.mark.parametrize(
    ("part", "keys"),
    [("Perplexity", ["perplexity", "breaks"]), ("Errors", ["error-cosine", "error-rmse", "spread-figure"])],
)
def test_every_table_opens_and_can_be_downloaded(part, keys):
    at = opened(part=part)
    for key in keys:
        at.session_state[f"{key}-files"] = True
    at.run()
    assert not at.exception
    assert len(at.dataframe) >= len(keys)
    assert len(at.get("download_button")) >= 2 * len(keys)


def test_the_live_part_compresses_the_models_own_table(model):
    at = opened(part="Live", ratio="2")
    table = at.dataframe[0].value.set_index("method")
    assert {"svd", "direction", "int8"} <= set(table.index)
    assert table.loc["svd", "bytes"] >= 2
    assert table.loc["svd", "rmse"] <= table.loc["direction", "rmse"]
    assert table.loc["int8", "cosine"] < table.loc["int4", "cosine"] < table.loc["svd", "cosine"]
    rows, width = checkpoint.shape(model)
    assert f"{rows:,} × {width}" in text(at)
    offered = [button.proto.label for button in at.get("download_button")]
    assert offered == ["svd at 2 × by bytes", "direction at 2 × by bytes", "int8", "int4"]

    (commands,) = (code.value for code in at.code if "--methods int8" in code.value)
    assert f"neutral compress --model {model.name} --text TEXT --methods int8 --by bytes --study" in commands
    assert commands.count("--export models --as neutral") == len(offered)


def test_methods_of_one_size_are_not_fitted_again_for_another_ratio(monkeypatch):
    at = opened(part="Live", ratio="2.5", weights="√frequency")
    fitted = []
    monkeypatch.setattr(
        live.live, "fit", lambda source, request, fit=live.live.fit: (fitted.append(request), fit(source, request))[1]
    )
    at.select_slider(key="ratio").set_value(3.0).run()
    assert not at.exception
    assert {request.method for request in fitted} == {"svd", "direction"}
    rows = at.dataframe[0].value.set_index("method")
    assert rows["asked"].tolist() == ["3 ×", "3 ×", "its one size", "its one size"]


def test_rows_of_the_last_ratio_stay_in_grey_until_the_new_ones_are_there(model):
    board = {}

    def drawn(place, table, draw=live._draw):
        board.setdefault("seen", []).append(table)
        draw(place, table)

    with pytest.MonkeyPatch.context() as patch:
        at = opened(part="Live", ratio="2", live=["svd", "int8"])
        patch.setattr(live, "_draw", drawn)
        at.select_slider(key="ratio").set_value(12.0).run()
    first, last = (board["seen"][i].set_index("method") for i in (0, -1))
    assert first["old"].to_dict() == {"svd": True, "int8": False}
    assert first.loc["svd", "asked"] == "2 × → 12 × …"
    assert first.loc["svd", "bytes"] < 4
    assert not last["old"].any()
    assert last.loc["svd", "bytes"] >= 12


def test_beside_the_slider_stand_estimates_from_the_studys_curves(folder):
    at = opened(part="Live", ratio="5", of="Swahili")
    said = next(block.value for block in at.markdown if block.value.startswith("**Estimated"))
    assert "Estimated perplexity at 5 × by bytes" in said
    assert "(Swahili; read off this study's curves, not measured now)" in said
    study = Study(folder / "tables")
    scores = results.scores(study.table("perplexity"), results.tables(study.table("table")))
    points = choosing.curve(scores[(scores["where"] == "both") & ~scores["words"]], "bytes", "sw")
    row = at.dataframe[0].value.set_index("method").loc["svd"]
    assert row["factor"] == pytest.approx(choosing.estimate(points[points["line"] == "svd"], row["bytes"]))


def test_models_of_the_allowed_folders_are_offered_and_others_of_a_study_only_to_who_sits_here(
    model, tmp_path, monkeypatch, folder
):
    monkeypatch.setattr(models, "_others", lambda roots: {"another": str(model)} if str(tmp_path) in roots else {})
    monkeypatch.setattr(models.places, "roots", lambda: [tmp_path])
    study = Study(folder / "tables")
    assert list(models.models(study)) == ["tiny"]  # the same folder is there once
    monkeypatch.setattr(models.places, "is_local", lambda: False)
    assert models.own_model(study) is None
    assert list(models.models(study)) == ["another"]
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(model.parent))
    assert models.own_model(study) == model


def test_tables_that_a_study_keeps_are_read_and_measured_and_no_link_is_followed(tmp_path, monkeypatch, model):
    study = synthetic.compression_study(tmp_path / "kept", model=model)
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    assert "This study keeps no tables" in text(opened(part="Live"))
    matrix = checkpoint.matrix(model)
    compression.fit(matrix, "svd", 2.0, by="parameters").save(study.path / "tables" / "svd_parameters_2.safetensors")
    compression.fit(matrix[:500], "int8", 2.0, by="bytes").save(study.path / "tables" / "trimmed.safetensors")
    (study.path / "tables" / "broken.safetensors").write_bytes(b"no table")
    at = opened(part="Live")
    at.session_state["saved-box"] = True
    at.run()
    (table,) = [table.value for table in at.dataframe if "svd_parameters_2" in set(table.value["method"])]
    rows = table.set_index("method")
    assert rows.loc["svd_parameters_2", "parameters"] == pytest.approx(2.0, abs=0.3)
    assert 0 < rows.loc["svd_parameters_2", "cosine"] < 1
    assert pd.isna(rows.loc["trimmed", "cosine"])
    assert "broken: " in text(at)
    (study.path / "tables" / "out.safetensors").symlink_to(model / "model.safetensors")
    assert any("outside of its study" in error.value for error in opened(part="Live").error)


def test_the_live_part_says_how_to_give_another_model(monkeypatch, tmp_path):
    for local in (True, False):
        assert "`neutral app --folders DIR`" in words.folders([], local=local)
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("NEUTRAL_FOLDERS", str(tmp_path / "mine"))
    said = text(opened(part="Live"))
    assert f"inside {tmp_path / 'mine'}" in said.replace("`", "").replace("\\", "")


def test_dragging_to_another_ratio_compresses_anew_and_back_again_is_remembered():
    at = opened(part="Live", ratio="2")
    first = at.dataframe[0].value
    at.select_slider(key="ratio").set_value(4.0).run()
    assert not at.exception
    assert at.dataframe[0].value.set_index("method").loc["svd", "bytes"] >= 4
    at.select_slider(key="ratio").set_value(2.0).run()
    pd.testing.assert_frame_equal(at.dataframe[0].value, first)  # even the seconds that the fits took


def test_what_a_method_cannot_reach_is_said_beside_what_the_others_do():
    at = opened(part="Live", ratio="20", live=["int8", "mixed"])
    assert "mixed: ratio 20 by bytes" in text(at)
    assert at.dataframe[0].value["method"].tolist() == ["int8"]


def test_a_word_is_shown_with_its_pieces_and_their_neighbours():
    at = opened(part="Tokens", word="morning", ratio="2")
    assert "neighbours kept" in text(at)
    table = at.dataframe[0].value
    assert len(table) == 10
    assert set(table["lost"]) <= {"", "lost"}
    assert (table["lost"] == "lost").sum() == (table["new"] == "new").sum()
    at.text_input(key="word").set_value("  ").run()
    assert "Type a word" in text(at)
    assert not at.dataframe


def test_a_right_to_left_word_keeps_its_direction_among_others():
    said = text(opened(part="Tokens", word="صباح", ratio="2"))
    assert "\u2068" in said
    assert "\u2069" in said


@pytest.mark.long
def test_the_map_is_drawn_when_asked_for_and_remembered():
    at = opened(part="Tokens", ratio="2")
    assert not charts(at)
    next(button for button in at.button if button.label == "Draw it").click().run()
    assert not at.exception
    assert len(charts(at)) == 1
    assert len(charts(opened(part="Tokens", ratio="2"))) == 1


def test_a_map_that_the_study_holds_is_shown_at_once(folder, tmp_path, monkeypatch):
    study = synthetic.compression_study(tmp_path / "held", model="nowhere/lost")
    places = {key: [0.0, 1.0] for key in projection.COLUMNS[3:]}
    table = pd.DataFrame({"id": [0, 1], "piece": ["a", "b"], "script": ["Latn", "Latn"], **places})
    projection.write_projection(study.path, table, "svd", "bytes", 10.0)
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "held"))
    at = opened(part="Tokens")
    assert "Two maps of 2 tokens" in charts(at)[0]["layout"]["meta"]["alt"]
    assert "the folder of nowhere/lost, which is not on this machine" in text(at)


@pytest.mark.parametrize("part", ["Live", "Tokens"])
def test_a_study_whose_model_is_elsewhere_says_so_in_one_line(part, tmp_path, monkeypatch):
    synthetic.compression_study(tmp_path / "far", model="google/gemma-3-270m", tied=False)
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "far"))
    at = opened(part=part)
    assert [info.value for info in at.info] == [
        "This part needs the folder of google/gemma-3-270m, which is not on this machine."
    ]
    assert not at.error


def test_another_model_that_is_here_is_offered(tmp_path, monkeypatch, model):
    synthetic.compression_study(tmp_path / "far", model="google/gemma-3-270m")
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "far"))
    monkeypatch.setattr(models, "MODELS", model.parent)
    at = opened(part="Live", ratio="2")
    assert "Shown instead: a model that is." in at.info[0].value
    assert len(at.dataframe) == 1


def test_a_table_too_large_to_compress_live_is_refused_with_words(monkeypatch):
    monkeypatch.setattr(live, "LARGEST", 100)
    assert "is too large to be compressed here" in opened(part="Live").info[0].value


def test_mask_pages_offer_no_study_of_tables_and_this_page_none_of_masks(folder, tmp_path, monkeypatch):
    assert list(catalogue.studies()[0]) == ["two"]
    assert list(catalogue.studies("compression")[0]) == ["tables"]
    assert "no study called “tables”" in text(opened("pages/overlap.py", study="tables"))
    assert "no study of tables called “two”" in text(opened(tables="two"))


def test_no_study_of_tables_gives_a_page_that_says_how_to_make_one(folder, monkeypatch):
    monkeypatch.setenv(catalogue.VARIABLE, str(folder / "two"))
    at = opened()
    assert "There is no study of token tables here yet" in text(at)
    assert not at.error


def test_a_study_without_results_says_how_to_go_on(tmp_path, monkeypatch):
    Study.create(tmp_path / "begun", {"about": "compression", "title": "Begun"})
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path))
    assert "Begun has no perplexities yet" in opened().error[0].value


def test_a_broken_study_is_named_and_the_other_works(folder, tmp_path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.json").write_text("{")
    monkeypatch.setenv(catalogue.VARIABLE, f"{folder}:{tmp_path}")
    at = opened()
    assert len(at.error) == 1
    assert "study.json" in at.error[0].value
    assert len(charts(at)) == 2


def test_an_untied_model_has_only_the_input(tmp_path, monkeypatch):
    synthetic.compression_study(tmp_path / "untied", languages=("en", "sw"), tied=False)
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path / "untied"))
    at = opened()
    assert "compressed table in the input only · tokens masked" in text(at)
    assert "where" not in [box.key for box in at.selectbox]


def test_the_overview_leads_here():
    at = opened("app.py")
    assert any("How small the token table can get" in link.proto.label for link in at.get("page_link"))


def test_a_choice_without_results_is_said_and_the_live_part_still_works(tmp_path, monkeypatch, model):
    study = synthetic.compression_study(tmp_path / "part", model=model, languages=("en", "sw"))
    rows = [row for row in study.rows() if row["kind"] != "perplexity" or row["by"] != "bytes" or not row["words"]]
    (study.path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    at = opened(masking="Whole words")
    assert "no perplexities for this choice" in at.info[0].value
    assert not charts(at)
    assert len(opened(masking="Whole words", part="Live", ratio="2").dataframe) == 1


def test_trimmed_tables_are_shown_when_chosen_and_marked():
    names = [trace.get("name") for trace in charts(opened(vocabulary="Trimmed to the text"))[0]["data"]]
    assert "svd, trimmed, uniform" in names
    assert "svd, uniform" not in names
    assert "pq, uniform" in names  # has no trimmed tables
    assert "trim" in [trace.get("name") for trace in charts(opened(by="Parameters"))[0]["data"]]


def test_a_study_of_few_tables_has_no_verdict_but_curves(tmp_path, monkeypatch):
    study = synthetic.compression_study(tmp_path / "few", languages=("en", "sw"))
    rows = [row for row in study.rows() if row.get("method") in ("full", "svd") and row["ratio"] in (1, 2.5)]
    (study.path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    assert "It takes four compressed tables to tell; there are 2." in text(opened(part="Direction or distance"))
    assert charts(opened(part="Perplexity"))


def test_neighbours_are_marked_in_words():
    columns = {
        "before": [0],
        "before_cosine": [0.5],
        "kept": [False],
        "after": [1],
        "after_cosine": [0.4],
        "new": [True],
    }
    found = explorer.marked(pd.DataFrame({"rank": [1], **columns}), ["a", "b"])
    assert found[["before", "lost", "after", "new"]].to_numpy().tolist() == [["a", "lost", "b", "new"]]


def test_fine_tuning_says_first_what_each_table_costs_and_what_it_matters_which_numbers_train(folder):
    scored = downstream.scores(Study(folder / "tables").table("finetune"))
    rows = scored[scored["metric"] == "matthews"].set_index(["method", "train"])
    at = opened(part="Fine-tuning")
    said = text(at)
    full, best, worst = (rows.loc[key] for key in (("full", "table"), ("int4", "none"), ("svd", "none")))
    assert f"Matthews φ: {full['value']:.3f} with the full table, {best['value']:.3f} with int4 7.53 × by bytes" in said
    assert f"({worst['gain']:+.3f}; 95% interval {worst['gain_low']:+.3f} to {worst['gain_high']:+.3f})" in said
    part, whole = rows.loc[("autoencoder", "decoder")], rows.loc[("autoencoder", "factors")]
    assert f"{part['value']:.3f} with its decoder trained, {whole['value']:.3f} with all its factors" in said
    marks = {trace["name"] for trace in charts(at)[0]["data"]}
    assert marks == {f"trains {what}" for what in downstream.TRAINS.values()}
    other = opened(part="Fine-tuning", setting=next(s for s in scored["setting"] if "stsb" in s), metric="Spearman ρ")
    assert "Spearman ρ: 0.790 with the full table" in text(other)


def test_a_study_without_fine_tuning_says_how_to_make_some(tmp_path, monkeypatch):
    study = synthetic.compression_study(tmp_path / "none", languages=("en", "sw"))
    rows = [row for row in study.rows() if row["kind"] != "finetune"]
    (study.path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv(catalogue.VARIABLE, str(study.path))
    assert "This study has no fine-tuning yet" in opened(part="Fine-tuning").info[0].value


@pytest.mark.long
def test_looking_at_a_study_imports_no_model_library(folder):
    script = f"""
import os, sys
os.environ["{catalogue.VARIABLE}"] = {str(folder)!r}
sys.path.insert(0, {str(ROOT)!r})
from streamlit.testing.v1 import AppTest
for part in {PARTS}:
    at = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=120)
    at.query_params["part"] = part
    at.switch_page("pages/compression.py").run()
    assert not at.exception
    # The live part computes; the others only read.
    assert part in {LIVE} or "torch" not in sys.modules, part
heavy = {{"transformers", "umap", "sklearn", "datasets"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_steps_say_which_way_of_counting_has_them():
    """The synthetic study follows its fits by parameters only; pages open on bytes."""
    at = opened(part="By step")
    notes = [box.value for box in at.info]
    assert notes == [
        "Nothing of this is counted in bytes here: choose Parameters under Size counted in, in the sidebar."
    ]
    other = opened(part="By step", by="Parameters")
    assert not other.error
    assert not other.info
    assert charts(other)


def test_a_study_without_steps_or_losses_says_how_to_get_them():
    assert "`python -m neutral compress --follow`" in words.no_steps("bytes", [])
    (note,) = [box.value for box in opened(part="Losses").info]
    assert "autoencoder:cosine,autoencoder:rmse" in note
    assert words.no_losses("bytes", ["parameters"]).endswith("choose Parameters under Size counted in, in the sidebar.")


def test_a_study_of_masks_is_said_to_have_no_tables():
    said = "Studies of masks, such as “two”, have no token tables"
    assert said in text(opened(study="two"))
    assert said not in text(opened())
