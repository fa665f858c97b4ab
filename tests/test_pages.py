"""Every page, run without a browser: on all kinds of studies, on uploads, and where something is missing."""

import io
import re
import subprocess
import sys
import zipfile

import apppages
import numpy as np
import pytest
import synthetic
import torch
from apppages import charts, named, numbers, text
from conftest import ROOT
from safetensors.torch import save
from streamlit.testing.v1 import AppTest

from neutral import maskfiles, summary
from neutral.export.drawn import words as unmarked
from neutral.masks import Mask
from neutral.study import Study
from pages.parts import catalogue, downloads, export

PAGES = ("app.py", "pages/overlap.py", "pages/pair.py", "pages/layers.py", "pages/language.py", "pages/masks.py")
WITH_FIGURES = PAGES[:5]


@pytest.fixture(autouse=True)
def only_these_studies(studies, tmp_path, monkeypatch):
    """The app finds the synthetic studies, and no others."""
    apppages.only(studies, tmp_path, monkeypatch)


def opened(page="app.py", **address):
    """A page as a link opens it on a fresh server."""
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in address.items():
        at.query_params[key] = value
    return run(at, page)


def uploaded(files, page="pages/masks.py", **choices):
    """A page in a session that has uploaded files and then chosen in the sidebar."""
    at = opened("pages/masks.py")
    at.get("file_uploader")[0].set_value([(name, content, "application/octet-stream") for name, content in files])
    return run(at.run(), page, **choices)


def run(at, page, **choices):
    """Go to a page of the app, and choose there (a browser keeps what is in the address; AppTest does not)."""
    at.switch_page(page).run()
    for key, value in choices.items():
        at.selectbox(key=key).set_value(value).run()
    assert not at.exception, at.exception[0].message
    return at


def packed(mask, name):
    return name, maskfiles.to_bytes(mask)


@pytest.fixture(scope="module")
def own_masks():
    """Three masks of the synthetic encoder, as a user would have them."""
    model = synthetic.Model(synthetic.shapes(), 12)
    return {code: model.mask(code, 0.5, seed=7) for code in ("en", "fr", "sw")}


@pytest.fixture(scope="module")
def own_files(own_masks):
    return [packed(mask, f"{code}.safetensors") for code, mask in own_masks.items()]


@pytest.mark.parametrize("study", ["encoder", "decoder", "two"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_every_kind_of_study(page, study):
    at = opened(page, study=study)
    assert not at.error
    assert bool(charts(at)) == (page in WITH_FIGURES)


def test_the_overview_says_the_numbers_of_the_study(studies):
    at = opened(study="encoder")
    study = Study(studies / "encoder")
    level = summary.levels(study, summary.Choice("mlm", "magnitude", 0.5, 0)).set_index("level")["value"]
    tiles = {metric.label: metric.value for metric in at.metric}
    assert len(tiles) == 5, "no more have room in a row"
    assert tiles["Mean overlap"] == f"{level['between']:.1%}"
    assert f"by chance it would be {level['chance']:.1%}, and one language found again under another seed" in text(at)
    assert at.markdown[1].value.startswith("**"), "the answer comes before any figure"
    assert tiles["Pretrained control"] == f"{level['pretrained']:.1%}"
    assert tiles["Same language"] == f"{level['seeds']:.1%}"
    assert f"{level['between']:.1%}" in text(at)
    assert "nothing smaller or faster" in text(at)
    assert "Made for tests" in text(at)  # the study's README


def test_an_address_restores_the_view():
    at = opened(
        "pages/overlap.py",
        study="encoder",
        method="Wanda",
        sparsity="70%",
        measure="Phi",
        layer="Encoder 3",
        order="Name",
    )
    assert at.selectbox(key="method").value == "wanda"
    assert at.selectbox(key="sparsity").value == 0.7
    assert at.selectbox(key="measure").value == "phi"
    assert "Encoder 3" in text(at)
    assert charts(at)[0]["data"][0]["x"][0] == "Arabic"


def test_a_pair_in_the_address_is_the_pair_shown():
    at = opened("pages/pair.py", study="encoder", a="Swahili", b="Chinese", measure="Dice")
    assert [at.selectbox(key=key).value for key in ("a", "b", "measure")] == ["sw", "zh", "dice"]
    assert "neither related nor written in the same script" in text(at)


def test_some_languages_in_the_address_are_the_languages_shown():
    at = opened("pages/overlap.py", study="encoder", languages=["English", "Farsi", "Swahili"])
    assert charts(at)[0]["data"][0]["x"] == ["English", "Farsi", "Swahili"]
    assert "3 masks" in text(at)


def test_one_language_alone_is_refused_with_words():
    at = opened("pages/overlap.py", study="encoder", languages=["English"])
    assert [error.value for error in at.error] == ["An overlap takes two languages: choose another, or none for all."]


def test_a_layer_and_component_narrow_the_overlap(studies):
    at = opened("pages/overlap.py", study="encoder", layer="Encoder 5", component="Key")
    counts = summary.counts_of(Study(studies / "encoder"), summary.Choice("mlm", "magnitude", 0.5, 0))
    square = counts.matrix("jaccard", "encoder 5 key", "layer-component")
    shown = charts(at)[0]["data"][0]
    assert "Encoder 5 key" in text(at)
    assert unmarked(shown["text"][0][1]) == f"{square.loc['ru', 'de']:.2f}"


def test_reference_levels_are_said_in_words():
    said = text(opened("pages/overlap.py", study="encoder"))
    for words in ("Chance: 0.", "Shuffled masks: 0.", "Pretrained control: 0.", "Same language, other seed: 0."):
        assert words in said
    assert "Same language, other half: 0." in text(opened("pages/overlap.py", study="decoder"))


def test_all_masks_at_once_are_said_and_drawn_by_layer(studies):
    study, choice = Study(studies / "encoder"), summary.Choice("mlm", "magnitude", 0.5, 0)
    row = summary.joint(study, choice).iloc[0]
    said = text(opened("pages/overlap.py", study="encoder"))
    assert f"All **11** masks keep **{row['value']:.1%}** of the weights that any of them keeps" in said
    at = opened("pages/layers.py", study="encoder", languages=["English", "Farsi", "Swahili"])
    drawn = next(chart for chart in charts(at) if chart["layout"]["meta"]["name"] == "joint-by-layer")
    three = summary.joint(study, choice, "layer", ("en", "fa", "sw"))
    np.testing.assert_allclose(numbers(drawn["data"][0]["y"]), three["value"])
    np.testing.assert_allclose(numbers(drawn["data"][1]["y"]), three["chance"])


def test_some_masks_at_once_are_said_not_to_be_known_where_only_counts_are_stored():
    at = opened("pages/overlap.py", study="decoder", languages=["English", "Farsi", "Swahili"])
    assert "stores counts, not masks" in text(at)
    assert "All at once" in text(opened("pages/overlap.py", study="decoder"))


def test_wandas_flat_sparsity_is_explained():
    assert "flat" in text(opened("pages/layers.py", study="decoder"))
    assert "flat" not in text(opened("pages/layers.py", study="encoder"))


def test_layers_of_one_language_show_its_partners():
    at = opened("pages/layers.py", study="encoder", who="Urdu")
    names = charts(at)[1]["data"][0]["y"]
    assert "Hindi" in names
    assert "Urdu" not in names
    assert "Urdu with the others" in text(at)


def test_layers_set_other_ways_of_pruning_beside_the_masks():
    at = opened("pages/layers.py", study="encoder", method="Wanda")
    lines = next(chart for chart in charts(at) if "magnitude" in {trace.get("name") for trace in chart["data"]})
    assert {trace["name"] for trace in lines["data"]} == {"wanda", "magnitude"}, "random masks overlap by chance"
    found = next(table.value for table in at.dataframe if "ρ over pairs" in table.value.columns)
    assert found["Overlap"].tolist() == ["Jaccard overlap", "Jaccard overlap of the changes"]
    assert (found["ρ over pairs"] > 0.5).all(), "in the made study both follow the same importances"
    assert "**magnitude** masks goes with that of wanda" in text(at)
    assert re.search(r"Jaccard overlap is highest in layer \d+ \(0\.\d{3}, mean of all pairs\) and lowest", text(at))
    assert not any("Other tasks" in box.value for box in opened("pages/layers.py", study="two").markdown)


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_every_figure_has_one_box_whose_tables_open_and_can_be_downloaded(page):
    at = opened(page, study="encoder")
    keys = [re.sub(r"^\$\$ID-[0-9a-f]+-", "", chart.proto.id) for chart in at.get("plotly_chart")]
    assert [box.label for box in at.expander].count(export.LABEL) == len(keys) > 0
    before = len(at.dataframe), len(at.get("download_button"))
    for key in keys:
        at.session_state[f"{key}-files"] = True
    at.run()
    assert not at.exception
    assert len(at.dataframe) - before[0] >= len(keys)
    assert len(at.get("download_button")) - before[1] >= 2 * len(keys)


def test_every_page_has_the_menu_with_the_present_choices():
    at = opened("pages/layers.py", study="encoder", method="Wanda")
    links = at.get("page_link")
    labels = [link.proto.label for link in links]
    assert labels[:5] == ["Overview", "Overlap", "Language", "Language pair", "Layers"]
    assert {"Typology", "Inside the model", "Your masks"} <= set(labels)
    assert "method=Wanda" in links[1].proto.query_string


def test_no_study_gives_a_page_that_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path))
    for page in WITH_FIGURES:
        at = opened(page)
        assert "There is no study here yet" in text(at)
        assert not at.error
    assert "Upload masks" in text(opened("pages/masks.py"))


def test_an_unknown_study_in_the_address_is_said_and_another_shown():
    at = opened("pages/overlap.py", study="lost")
    assert "no study called “lost”" in text(at)
    assert charts(at)


def test_a_broken_study_is_named_and_the_others_work(studies, tmp_path, monkeypatch):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.json").write_text("{")
    monkeypatch.setenv(catalogue.VARIABLE, f"{studies}{':'}{tmp_path}")
    at = opened()
    assert len(at.error) == 1
    assert "study.json" in at.error[0].value
    assert at.metric


def test_a_study_without_counts_says_how_to_go_on(tmp_path, monkeypatch):
    Study.create(tmp_path / "begun", {"title": "Begun", "languages": ["en"]})
    monkeypatch.setenv(catalogue.VARIABLE, str(tmp_path))
    at = opened("pages/overlap.py")
    assert "Begun has no overlap counts yet" in at.error[0].value


def test_a_folder_that_is_a_study_can_be_named(studies, monkeypatch):
    monkeypatch.setenv(catalogue.VARIABLE, str(studies / "two"))
    assert opened("pages/overlap.py").title[0].value == "Overlap"


def shelf(at):
    """The table of what was read of uploads."""
    return next(frame.value for frame in at.dataframe if "Language from" in frame.value)


def test_uploads_are_read_named_and_shown(own_files, own_masks):
    at = uploaded(own_files)
    assert not at.error
    assert [field.value for field in named(at)] == ["en", "fr", "sw"]
    read = shelf(at)
    assert list(read["Language"]) == ["English", "French", "Swahili"]
    assert list(read["Language from"]) == ["header"] * 3
    assert "share most (" in text(at)
    np.testing.assert_allclose(read["Removed"], 0.5, atol=0.01)
    expected = summary.pairs(downloads.MaskSet(list(own_masks.values()), list(own_masks)).counts("", "", 0.5))
    shown = at.dataframe[0].value
    assert list(shown) == ["Mask", "Other mask", "Jaccard", "By chance", "Above chance"]
    assert list(shown["Mask"] + " " + shown["Other mask"]) == ["English French", "English Swahili", "French Swahili"]
    np.testing.assert_allclose(shown["Jaccard"], expected["value"])
    np.testing.assert_allclose(shown["Above chance"], expected["value"] - expected["chance"])


def test_a_mask_that_says_1_for_removed_is_named_with_the_tick_box_and_not_turned(own_masks):
    files = [packed(~mask if code == "sw" else mask, f"{code}.safetensors") for code, mask in own_masks.items()]
    at = uploaded(files)
    said = [warning.value for warning in at.warning]
    assert len(said) == 1
    assert said[0].startswith("Swahili shares far fewer weights than chance with every other mask")
    assert "“1 means removed”" in said[0]
    np.testing.assert_allclose(shelf(at)["Removed"][2], 1 - own_masks["sw"].sparsity())
    run(at, "pages/overlap.py", show="Your masks")
    assert [warning.value for warning in at.warning] == said


def test_a_refused_upload_says_which_and_why_and_can_be_dismissed(own_files):
    bad = ("notes.pt", b"these are no masks at all")
    at = uploaded([own_files[0], bad])
    assert len(at.error) == 1
    assert at.error[0].value.startswith("notes.pt: ")
    assert len(named(at)) == 1
    next(button for button in at.button if button.label == "Dismiss").click().run()
    assert not at.error


def test_a_paper_style_file_is_read(own_masks, tmp_path):
    maskfiles.export(own_masks["en"], tmp_path / "en.pt")
    at = uploaded([("mask_en.pt", (tmp_path / "en.pt").read_bytes())])
    assert not at.error
    assert named(at)[0].value == "en"


def test_an_archive_of_mask_pt_files_gives_masks_called_by_their_folders(own_masks):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for code, mask in own_masks.items():
            archive.writestr(f"runs/{code}/seed1/mask.npz", maskfiles.to_bytes(mask, "numpy"))
        archive.writestr("runs/zh/seed1/mask.npz", b"no mask")
    at = uploaded([("runs.zip", buffer.getvalue())])
    assert [field.value for field in named(at)] == ["en", "fr", "sw"]
    assert [error.value.split(": ")[0] for error in at.error] == ["runs.zip/runs/zh/seed1/mask.npz"]


def test_what_was_read_is_told_file_by_file_and_turned_where_it_is_asked_for(own_masks):
    tensors = {f"module.{name}": mask.float() for name, mask in own_masks["en"].to_tensors().items()}
    bias = {"module.bert.encoder.layer.0.output.dense.bias": torch.ones(4)}
    files = [
        ("pt-BR.safetensors", save(tensors | bias)),
        ("x.npz", b"PK\3\4"),
        ("first try.safetensors", save(tensors)),
    ]
    at = opened("pages/masks.py")
    at.checkbox(key="invert").check()
    at.get("file_uploader")[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    at.run()
    assert [error.value.split(": ")[0] for error in at.error] == ["x.npz"]
    read = shelf(at)
    assert list(read["Language from"]) == ["file name", "not known"]
    assert list(read["Language"]) == ["Portuguese (Brazil)", ""]
    assert list(read["Names changed"]) == [len(tensors)] * 2
    np.testing.assert_allclose(read["Removed"], 1 - own_masks["en"].sparsity())
    assert "left out vectors" in read["Left out, or assumed"][0]
    assert "1 meant removed" in read["Left out, or assumed"][1]
    named(at)[1].set_value("swa").run()
    assert shelf(at)["Language from"][1] == "given by you"


def test_a_mask_that_keeps_little_is_told_of_the_tick_box_and_not_of_the_commands_option(own_masks):
    at = uploaded([packed(Mask.random(own_masks["en"], 0.98, 0), "en.safetensors")])
    note = shelf(at)["Left out, or assumed"][0]
    assert "tick “1 means removed”" in note
    assert "--invert" not in note


def test_a_pruned_model_is_read_where_its_zeros_are_said_to_be_the_mask(own_masks):

    tensors = {name: mask.float() * 0.3 for name, mask in own_masks["en"].to_tensors().items()}
    files = [("en.safetensors", save(tensors))]
    at = uploaded(files)
    said = at.error[0].value
    assert "tick “Zeros are the mask”" in said
    assert said.index("“Zeros are the mask”") < said.index("--from-zeros")
    at.checkbox(key="from-zeros").check()
    at.get("file_uploader")[0].set_value([(name, data, "application/octet-stream") for name, data in files])
    at.run()
    np.testing.assert_allclose(shelf(at)["Removed"], own_masks["en"].sparsity())


def test_names_of_files_are_shown_as_text_and_never_as_pictures(own_files):
    data = own_files[0][1]
    at = uploaded([("![x](y.png) <b>.safetensors", data), ("[z](http://host) ![i](i.png).npz", b"no")])
    assert "!\\[i\\]" in at.error[0].value
    assert any("!\\[x\\](y.png) \\<b>" in markdown.value for markdown in at.markdown)


def test_a_renamed_upload_keeps_its_name_on_the_other_pages(own_files):
    at = uploaded(own_files)
    named(at)[1].set_value("de").run()
    run(at, "pages/overlap.py", show="Your masks")
    assert charts(at)[0]["data"][0]["x"] == ["German", "English", "Swahili"]


def test_a_removed_upload_is_gone(own_files):
    at = uploaded(own_files)
    next(button for button in at.button if button.label == "Remove").click().run()
    assert [field.value for field in named(at)] == ["fr", "sw"]


def test_an_upload_in_the_place_of_a_removed_one_is_what_is_shown(own_masks):
    at = uploaded([packed(own_masks["en"], "en.safetensors")])
    kept = at.session_state["_uploads_made"]["collections"][1][0].masks[0]
    next(button for button in at.button if button.label == "Remove").click().run()
    at.checkbox(key="invert").check()
    content = maskfiles.to_bytes(own_masks["en"])
    at.get("file_uploader")[0].set_value([("en.safetensors", content, "application/octet-stream")])
    at.run()
    assert at.session_state["_uploads_made"]["collections"][1][0].masks[0] == ~kept


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_every_page_works_on_uploads_alone(page, own_files):
    at = uploaded(own_files, page, show="Your masks")
    assert not at.error
    assert charts(at)


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_uploads_of_the_studys_network_are_compared_with_its_masks(page, own_files):
    at = uploaded(own_files, page, study="encoder", show="Both")
    assert not at.error
    assert charts(at)
    if page == "pages/overlap.py":
        assert "English (yours)" in charts(at)[0]["data"][0]["x"]
        assert len(charts(at)[0]["data"][0]["x"]) == 14


def test_beside_a_study_uploads_are_read_against_its_references_and_an_equal_pair_leaves_the_colours(studies):
    study, choice = Study(studies / "encoder"), summary.Choice("mlm", "magnitude", 0.5, 0)
    same = synthetic.Model(synthetic.shapes(), 12).mask("en", 0.5)
    at = uploaded(
        [packed(same, "en.safetensors")], "pages/overlap.py", study="encoder", method="magnitude", show="Both"
    )
    said, level = text(at), summary.levels(study, choice).set_index("level")["value"]
    assert f"Pretrained control: {level['pretrained']:.3f}" in said
    assert f"Same language, other seed: {level['seeds']:.3f}" in said
    assert "English and English (yours) have the very same mask." in said
    assert charts(at)[0]["data"][0]["zmax"] < 0.999, "the equal pair is off the scale"


@pytest.mark.parametrize("page", WITH_FIGURES)
def test_uploads_of_another_network_stand_beside_the_study(page, own_files):
    at = uploaded(own_files, page, study="decoder", show="Both")
    assert not at.error
    assert [heading.value for heading in at.header] == ["Synthetic decoder", "Your masks"]


def test_uploads_of_two_networks_are_shown_apart(own_files):
    other = [
        packed(Mask.random({"bert.encoder.layer.0.output.dense.weight": (8, 8)}, 0.5, i), f"{c}.npz")
        for i, c in enumerate("ab")
    ]
    at = uploaded([*own_files, *other])
    assert "different networks" in text(at)
    run(at, "pages/overlap.py", show="Your masks")
    assert len(at.header) == 2


def test_one_upload_alone_asks_for_another(own_files):
    at = uploaded(own_files[:1])
    assert "Upload another language's" in text(at)
    for page in WITH_FIGURES[:3]:
        assert "one mask" in text(uploaded(own_files[:1], page, show="Your masks"))
    assert charts(uploaded(own_files[:1], "pages/layers.py", show="Your masks"))  # its sparsity can be seen


def test_a_link_to_somebodys_uploads_says_that_they_are_not_here():
    assert "masks that somebody uploaded, and they are not here" in text(
        opened("pages/overlap.py", show="Your masks", study="encoder")
    )


def test_downloads_are_masks_that_can_be_read_again(own_masks):
    content = downloads.zipped([("en.safetensors", own_masks["en"]), ("fr.safetensors", own_masks["fr"])])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = {name: maskfiles.read_bytes(name, archive.read(name)) for name in archive.namelist()}
    assert found == {"en.safetensors": own_masks["en"], "fr.safetensors": own_masks["fr"]}


def test_file_names_of_downloads_are_safe():
    assert downloads.file_name("../../etc/passwd") == "etc-passwd.safetensors"
    assert downloads.file_name("…") == "mask.safetensors"


@pytest.mark.long
def test_no_page_imports_torch_and_those_that_test_nothing_no_scipy(studies):
    """They take a while, and the first page is what people wait for."""
    script = f"""
import os, sys
os.environ["{catalogue.VARIABLE}"] = {str(studies)!r}
sys.path.insert(0, {str(ROOT)!r})
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest
manifest_scanner.scan_component_manifests = list
def look(heavy, *pages, **address):
    at = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=600)
    for key, value in address.items():
        at.query_params[key] = value
    for page in pages:
        (at.run() if page == "app.py" else at.switch_page(page).run())
        assert not at.exception
    found = heavy & set(sys.modules)
    assert not found, (pages, found)
look({{"scipy", "networkx", "torch"}}, "app.py", "pages/overlap.py", "pages/pair.py", "pages/masks.py")
models = {{"torch", "transformers", "umap", "sklearn", "datasets", "urielplus"}}
look(models, *(f"pages/{{page}}.py" for page in ("layers", "language", "transfer", "tickets", "inside")))
for part in ("Distances", "Graph", "Tree"):
    look(models, "pages/typology.py", section=part)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
