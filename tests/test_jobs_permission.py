"""Who may start runs, what they may take, and that a model's own code never runs."""

import json
import shutil
from contextlib import suppress

import pytest
from conftest import ROOT

from neutral import models
from neutral.errors import NeutralError
from neutral.jobs import limits, permission
from neutral.jobs.limits import Limits

PROXIED = {"Host": "localhost:8501", "X-Forwarded-For": "203.0.113.7"}


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in (permission.VARIABLE, limits.TIME, limits.MEMORY, limits.THREADS):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("address", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "app.localhost"])
def test_runs_are_on_where_only_this_machine_is_listened_to(address):
    assert permission.are_on(address)
    assert permission.are_on(address, {"Host": "localhost:8501"})
    assert permission.are_on(address, {"host": "[::1]:8501"})


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "192.168.1.2", "example.org", "localhost.example.org"])
def test_runs_are_off_where_others_are(address):
    assert not permission.are_on(address)
    with pytest.raises(NeutralError, match="NEUTRAL_RUNS=on"):
        permission.require(address)


@pytest.mark.parametrize("headers", [PROXIED, {"Forwarded": "for=x"}, {"X-Real-IP": "x"}, {"Host": "example.org"}])
def test_runs_are_off_behind_a_proxy_though_the_server_listens_to_this_machine(headers):
    assert not permission.are_on("localhost", headers)


def test_the_servers_owner_says_otherwise(monkeypatch):
    monkeypatch.setenv(permission.VARIABLE, "on")
    assert permission.are_on("0.0.0.0", PROXIED)
    assert not permission.is_local("0.0.0.0", PROXIED)  # whose home folder is not theirs to choose from
    monkeypatch.setenv(permission.VARIABLE, "OFF")
    assert not permission.are_on("localhost")
    monkeypatch.setenv(permission.VARIABLE, "maybe")
    with pytest.raises(NeutralError, match="NEUTRAL_RUNS: 'maybe' is neither on nor off"):
        permission.are_on("localhost")


def test_limits_are_the_servers_where_none_is_asked_and_never_above(monkeypatch):
    monkeypatch.setenv(limits.TIME, "2h")
    monkeypatch.setenv(limits.MEMORY, "8 GB")
    monkeypatch.setenv(limits.THREADS, "4")
    most = limits.allowed()
    assert most == Limits(7200.0, 8 * 10**9, 4)
    assert Limits().within(most) == most
    assert Limits(60.0, 10**9, 1).within(most) == Limits(60.0, 10**9, 1)
    for asked, said in (
        (Limits(time=7201), r"2 h that this server allows \(NEUTRAL_RUN_TIME\)"),
        (Limits(memory=9 * 10**9), "8 GB that this server allows"),
        (Limits(threads=5), "more than the 4"),
    ):
        with pytest.raises(NeutralError, match=said):
            asked.within(most)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "8", True])
def test_a_limit_is_a_number_above_0(value):
    for name in ("time", "memory", "threads"):
        with pytest.raises(NeutralError, match="is no limit"):
            Limits(**{name: value}).within(Limits())


@pytest.mark.parametrize("name", [limits.TIME, limits.MEMORY, limits.THREADS])
@pytest.mark.parametrize("value", ["much", "0", "-1", "1e9", "inf"])
def test_a_variable_that_is_no_limit_is_said_and_not_passed_over(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(NeutralError, match=f"{name}: .* is no limit"):
        limits.allowed()


def test_without_variables_there_are_no_limits():
    assert limits.allowed() == Limits()
    assert Limits().environment() == {}
    assert Limits(threads=2).environment()["OMP_NUM_THREADS"] == "2"


@pytest.mark.long
def test_code_that_a_model_brings_never_runs(tmp_path):
    trace = tmp_path / "trace"
    model = shutil.copytree(ROOT / "data" / "models" / "mini-mbert", tmp_path / "model")
    code = f"open({str(trace)!r}, 'w').close()\n"
    for name in ("modeling_own", "configuration_own", "tokenization_own", "__init__", "model", "sitecustomize"):
        (model / f"{name}.py").write_text(code)
    auto = {
        "AutoConfig": "configuration_own.Own",
        "AutoModelForMaskedLM": "modeling_own.Own",
        "AutoModel": "modeling_own.Own",
        "AutoTokenizer": ["tokenization_own.Own", "tokenization_own.Own"],
    }
    for file, changed in (
        ("config.json", {"auto_map": auto, "model_type": "own", "architectures": ["Own"]}),
        ("tokenizer_config.json", {"auto_map": auto, "tokenizer_class": "Own"}),
    ):
        before = (model / file).read_text()
        (model / file).write_text(json.dumps(json.loads(before) | changed))
        with suppress(NeutralError):  # it needs its code, and is refused; or it does without
            models.look(str(model))
        with suppress(NeutralError):
            models.load_tokenizer(str(model))
        with suppress(NeutralError):
            models.load(str(model), "mlm")
        (model / file).write_text(before)
        assert not trace.exists()
