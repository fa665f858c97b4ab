"""Masks of other tasks and of mixtures, on made runs whose answers are known, and the printed ones in the same form."""

import numpy as np
import pandas as pd
import pytest

from neutral.transfer import across, published, results

pytestmark = pytest.mark.numeric


def run(task, source_task, source, target, value, seed=0, parts=None):
    return {
        "task": task,
        "source_task": source_task,
        "method": "full" if source == "full" else "magnitude",
        "sparsity": 0.0 if source == "full" else 0.5,
        "seed": seed,
        "source": source,
        "target": target,
        "metric": "perplexity" if task == "mlm" else "f1",
        "value": value,
        "parts": parts,
    }


@pytest.fixture
def table():
    rows = [
        run("ner", "ner", "en", "en", 0.6),
        run("ner", "ner", "en", "en", 0.8, seed=1),
        run("ner", "mlm", "en", "en", 0.5),
        run("ner", "mlm", "en", "en", 0.4, seed=1),
        run("ner", "ner", "random", "en", 0.1),
        run("ner", "mlm", "fr", "fr", 0.5),  # has no mask of its own task
        run("ner", "ner", "fr", "en", 0.55),
        run("mlm", "mlm", "en", "en", 4.0),
        run("mlm", "ner", "en", "en", 5.0),
        run("pos", "pos", "en", "en", 0.9),
        run("pos", "pos", "random", "en", 0.2),
    ]
    return pd.DataFrame(rows)


def test_another_tasks_mask_is_compared_with_the_own_one_under_the_same_seeds(table):
    found = across.cross_task(table, 0.5)
    assert list(found.columns) == across.CROSS_TASK
    value = found.set_index(["target_task", "source_task", "language"])["difference"].to_dict()
    assert value == {
        ("ner", "mlm", "en"): pytest.approx(0.45 - 0.7),
        ("ner", "random", "en"): pytest.approx(0.1 - 0.6),
        ("mlm", "ner", "en"): pytest.approx(-1.0),
    }, "a higher perplexity is worse; no row without an own mask, none for a task that nothing crossed to"
    assert found["p"].isna().all()
    assert across.cross_task(table, 0.8).empty
    assert across.cross_task(table, 0.5, languages=["fr"]).empty
    assert across.cross_task(pd.DataFrame(), 0.5).empty


def test_with_the_examples_parts_the_difference_has_an_interval():
    draw = np.random.default_rng(0)
    own = 2 + draw.random(50)
    worse, same = own + 0.5 + 0.01 * draw.standard_normal(50), own[::-1]
    parts = {name: [loss.tolist(), [1.0] * 50] for name, loss in (("own", own), ("worse", worse), ("same", same))}
    rows = [
        run("mlm", "mlm", "en", "en", float(np.exp(own.mean())), parts=parts["own"]),
        run("mlm", "ner", "en", "en", float(np.exp(worse.mean())), parts=parts["worse"]),
        run("mlm", "nli", "en", "en", float(np.exp(same.mean())), parts=parts["same"]),
    ]
    found = across.cross_task(pd.DataFrame(rows), 0.5).set_index("source_task")
    assert found.loc["ner", "p"] < 0.05
    assert found.loc["ner", "low"] < found.loc["ner", "difference"] < found.loc["ner", "high"] < 0
    assert found.loc["nli", "p"] > 0.5


def test_a_mixtures_mask_is_beside_those_of_its_parts_on_languages_outside_it():
    values = {"full": 0.9, "de": 0.8, "en": 0.5, "fr": 0.6, "en+fr": 0.7, "ru": 0.4, "random": 0.1}
    rows = [run("ner", "ner", source, "de", value) for source, value in values.items()]
    rows.append(run("ner", "ner", "en+fr", "fr", 0.6))
    rows.append(run("ner", "ner", "de", "de", 0.2, seed=1))  # a seed that the mixture was not trained under
    selected = results.select(pd.DataFrame(rows), "ner", 0.5)
    found = across.multilingual(selected, "ner")
    assert list(found.columns) == across.MULTILINGUAL
    assert set(found["target"]) == {"de"}
    assert found.set_index("source")["value"].to_dict() == {
        "full": 0.9,
        "own": 0.8,
        "en": 0.5,
        "fr": 0.6,
        "en+fr": 0.7,
    }
    assert across.multilingual(selected[selected["source"] != "en+fr"], "ner").empty
    assert across.multilingual(pd.DataFrame(), "ner").empty


def test_a_mixture_and_its_parts_are_compared_under_the_seeds_that_all_have():
    rows = [run("ner", "ner", "en+fr", "de", value, seed=seed) for seed, value in enumerate((0.7, 0.5, 0.3))]
    rows += [run("ner", "ner", "en", "de", value, seed=seed) for seed, value in ((1, 0.4), (2, 0.2), (5, 0.9))]
    rows += [run("ner", "ner", "de", "de", value, seed=seed) for seed, value in ((0, 0.1), (2, 0.8))]
    rows.append(run("ner", "ner", "fr", "de", 0.6, seed=5))
    found = across.multilingual(results.select(pd.DataFrame(rows), "ner", 0.5), "ner")
    assert found.set_index("source")["value"].to_dict() == {"own": 0.8, "en": 0.2, "en+fr": 0.3}


def test_the_printed_ones_are_in_the_same_form():
    cross, mixed = published.cross_task(), published.multilingual_ticket()
    assert list(cross.columns) == across.CROSS_TASK
    assert len(cross) == 66
    assert set(cross["target_task"]) == {"mlm", "ner", "nli"}, "tasks are called as ours are"
    assert list(mixed.columns) == across.MULTILINGUAL
    assert set(mixed["source"]) == {"full", "own", "en", "fa", "fr", "zh", "en+fa+fr+zh"}
    assert not set(mixed["target"]) & {"en", "fa", "fr", "zh"}
    assert published.steps("mlm") == 100_000
    assert set(published.training()) >= {"setting", "mlm", "ner", "xnli"}
