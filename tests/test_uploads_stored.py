"""Uploads outlive their session under a link that nobody can guess, until they are deleted or forgotten."""

import json
import os
import resource
import shlex
import stat
import time
from urllib.parse import parse_qs

import pytest
import synthetic
from apppages import opened, text

from neutral import home, maskfiles, uploads
from neutral.errors import NeutralError, StorageError
from neutral.jobs import permission
from neutral.study import Study
from neutral.uploads import Entry
from pages.parts import catalogue, quota, stored

MODEL = synthetic.Model(synthetic.shapes(2), 2)
CODES = ("en", "fr", "de", "ru", "hi")
SHOWN = {"show": "Your masks"}


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv(home.VARIABLE, str(tmp_path / "home"))
    monkeypatch.delenv(stored.VARIABLE, raising=False)
    monkeypatch.delenv(permission.VARIABLE, raising=False)


def uploaded(*codes, at=None, **address):
    at = at or opened("pages/masks.py", **address)
    files = [(f"{code}.safetensors", maskfiles.to_bytes(MODEL.mask(code, 0.5)), "") for code in codes]
    at.get("file_uploader")[0].set_value(files)
    return at.run()


def token(at):
    return at.query_params.get(stored.KEY, "")


def names(at):
    return [field.value for field in at.text_input if field.label == "Language or name"]


def button(at, label):
    return next(each for each in at.button if each.label == label)


def folders():
    return sorted(path.name for path in home.uploads().glob("*"))


def entries(*codes):
    return [Entry(uploads.new_key(), MODEL.mask(code, 0.5), {"name": code}) for code in codes]


# the store


def test_a_token_cannot_be_guessed_and_its_folder_is_private():
    tokens = {uploads.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(bytes.fromhex(one)) * 8 >= 128 for one in tokens)
    name = tokens.pop()
    uploads.write(name, entries("en"), new=True)
    assert stat.S_IMODE((home.uploads() / name).stat().st_mode) == 0o700
    assert stat.S_IMODE(home.uploads().stat().st_mode) == 0o700


HOSTILE = [
    *("", ".", "..", "../..", "/etc/passwd", "a" * 39, "A" * 40, "a" * 41, "a" * 40 + "\n", "a" * 38 + "/."),
    *("٠" * 40, "0" * 39 + "\x00", "%2e%2e%2f", "a" * 5000, "\ud800" * 40, "*" * 40),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_but_a_token_reaches_the_file_system(text, monkeypatch):
    for name in ("stat", "scandir", "mkdir", "open", "rename"):
        monkeypatch.setattr(os, name, lambda *_, **__: pytest.fail("asked the system"))
    assert not uploads.is_token(text)
    assert not uploads.exists(text)
    uploads.delete(text)
    for call in (uploads.stored, lambda one: list(uploads.read(one)), lambda one: uploads.write(one, [], new=True)):
        with pytest.raises(NeutralError, match=r"^the link: is none of this app"):
            call(text)


def test_what_is_stored_comes_back_and_what_is_dropped_goes():
    one, some = uploads.new_token(), entries("en", "fr")
    uploads.write(one, some, new=True)
    assert [(entry.key, entry.mask, entry.about) for entry in uploads.read(one)] == [
        (entry.key, entry.mask, entry.about) for entry in some
    ]
    uploads.write(one, some[1:])
    assert [entry.about["name"] for entry in uploads.read(one)] == ["fr"]
    assert len(list((home.uploads() / one).glob("*.safetensors"))) == 1


def test_a_copy_takes_no_room_and_goes_with_what_it_was_made_from():
    one, other, third = (uploads.new_token() for _ in range(3))
    some = entries("en", "fr")
    uploads.write(one, some, new=True)
    before = uploads.used()
    uploads.write(other, some, like=one, new=True)
    assert uploads.used() - before == 4096  # the index
    uploads.write(third, entries("de"), new=True)
    uploads.delete(other)
    assert folders() == [third]


def test_what_nobody_used_for_a_week_goes_and_what_is_used_stays():
    one, other = uploads.new_token(), uploads.new_token()
    for each in (one, other):
        uploads.write(each, entries("en"), new=True)
        past = time.time() - 8 * 86400
        os.utime(home.uploads() / each / "index.json", (past, past))
    list(uploads.read(other))
    (home.uploads() / f".{uploads.new_token()}").mkdir()  # a removal that was ended half way
    (home.uploads() / "another's").mkdir()
    assert uploads.remove_expired() == 2
    assert folders() == sorted([other, "another's"])


def test_a_full_disk_leaves_what_was_there():
    one, some = uploads.new_token(), entries("en")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def refused(*arguments, **options):
        for size in (10, 1000):
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
            try:
                with pytest.raises(StorageError):
                    uploads.write(*arguments, **options)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)

    refused(one, some, new=True)
    assert folders() == []
    uploads.write(one, some, new=True)
    held = sorted((home.uploads() / one).iterdir())
    refused(one, [*some, *entries("fr")])
    assert sorted((home.uploads() / one).iterdir()) == held
    assert [entry.about["name"] for entry in uploads.read(one)] == ["en"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "index.json").write_text("{"),
        lambda folder: (folder / "index.json").write_text('{"masks": [3]}'),
        lambda folder: (folder / "index.json").write_text('{"masks": [{"key": "../../x"}]}'),
        lambda folder: (folder / "index.json").write_bytes(b"\xff"),
        lambda folder: next(folder.glob("*.safetensors")).write_bytes(b"x"),
        lambda folder: next(folder.glob("*.safetensors")).unlink(),
    ],
)
def test_a_damaged_store_is_a_line_without_a_path(damage):
    one = uploads.new_token()
    uploads.write(one, entries("en"), new=True)
    damage(home.uploads() / one)
    with pytest.raises(NeutralError) as raised:
        list(uploads.read(one))
    assert str(home.home()) not in str(raised.value)
    assert str(raised.value).startswith("the link: ")
    at = opened("pages/masks.py", uploads=one)
    assert len(at.warning) == 1
    uploads.delete(one)
    assert folders() == []


# the pages


def test_a_reload_finds_the_masks_with_their_names_and_so_does_another_visitor():
    at = uploaded("en", "fr")
    at.text_input(key=next(f.key for f in at.text_input if f.value == "fr")).set_value("fr_CA").run()
    again = opened("pages/masks.py", uploads=token(at))
    assert names(again) == ["en", "fr_CA"]
    assert token(again) == token(at)
    assert not again.exception
    elsewhere = opened("pages/overlap.py", uploads=token(at), **SHOWN)
    assert "Your masks" in text(elsewhere)
    for link in elsewhere.get("page_link"):
        assert parse_qs(link.proto.query_string)[stored.KEY] == [token(at)], link.proto.page


def test_a_visitors_change_is_a_copy_of_their_own():
    at = uploaded("en", "fr")
    guest = opened("pages/masks.py", uploads=token(at))
    button(guest, "Remove").click().run()
    assert names(guest) == ["fr"]
    assert token(guest) != token(at)
    assert names(opened("pages/masks.py", uploads=token(at))) == ["en", "fr"]
    assert names(opened("pages/masks.py", uploads=token(guest))) == ["fr"]


def test_the_session_that_made_a_link_changes_what_it_shows():
    at = uploaded("en", "fr")
    link = token(at)
    uploaded("de", at=at)
    assert token(at) == link
    assert folders() == [link]
    assert names(opened("pages/masks.py", uploads=link)) == ["en", "fr", "de"]
    while names(at):
        button(at, "Remove").click().run()
    assert folders() == []
    assert not token(at)


def test_deleting_removes_the_masks_for_all():
    at = uploaded("en", "fr")
    guest = opened("pages/masks.py", uploads=token(at))
    link = token(at)
    button(guest, "Delete").click().run()
    assert names(guest) == []
    assert not token(guest)
    assert folders() == []
    at.run()
    assert names(at) == []
    assert "deleted by somebody who has their link" in text(at)
    assert "they were deleted" in opened("pages/masks.py", uploads=link).warning[0].value


@pytest.mark.parametrize("address", ["0" * 40, "../../../etc", "x" * 3000, "<b>**x**", "\u202e"])
def test_a_wrong_link_is_a_line_and_leaves_the_address(address):
    at = opened("pages/masks.py", uploads=address)
    assert len(at.warning) == 1
    assert "link" in at.warning[0].value
    assert not token(at)
    assert folders() == []
    page = opened("pages/overlap.py", uploads=address)
    assert len(page.get("plotly_chart")) > 0


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (stored.VARIABLE, "off", "This server stores no uploads"),
        (quota.ON_DISK, "1KB", "it keeps at most 1 kB of uploads"),
        (home.VARIABLE, "/proc/nowhere", "The server could not store the masks"),
    ],
)
def test_where_nothing_is_stored_the_page_says_so_and_lets_the_browser_ask(name, value, said, monkeypatch):
    monkeypatch.setenv(name, value)
    at = uploaded("en", "fr")
    assert names(at) == ["en", "fr"]
    assert said in at.warning[0].value
    assert "/" not in at.warning[0].value
    assert "gone when you reload" in at.warning[0].value
    assert not token(at)
    assert len(at.get("bidi_component")) == 1
    assert folders() == []


def test_stored_masks_count_against_a_sessions_limits(monkeypatch):
    at = uploaded("en", "fr", "de")
    monkeypatch.setenv(quota.FILES, "2")
    guest = opened("pages/masks.py", uploads=token(at))
    assert names(guest) == ["en", "fr"]
    assert "2 is the limit" in guest.error[0].value


def test_a_stored_name_is_text_whatever_it_is():
    one = uploads.new_token()
    about = {"name": "<b>**x**", "file": ["x"], "size": "much", "notes": {"a": 1}, "renamed": None, "share": -1.5}
    uploads.write(one, [Entry(uploads.new_key(), MODEL.mask("en", 0.5), about)], new=True)
    at = opened("pages/masks.py", uploads=one)
    assert names(at) == ["<b>**x**"]
    assert not at.error


# saved as a study


def saved(at, name, **fields):
    at.text_input(key="save-name").set_value(name)
    for key, value in fields.items():
        at.selectbox(key=f"save-{key}").set_value(value)
    return button(at, "Save").click().run()


def test_saved_uploads_open_on_the_overlap_page_as_a_study():
    at = saved(uploaded("en", "fr"), "My masks", task="Masked language modelling")
    assert not at.error
    link = next(each.proto for each in at.get("page_link") if "My masks" in each.proto.label)
    address = {key: values[0] for key, values in parse_qs(link.query_string).items()}
    assert (address["study"], address["show"]) == ("My masks", "Study")
    page = opened("pages/overlap.py", **address)
    assert "My masks · magnitude" not in text(page)
    assert "My masks · 50% removed · 2 masks" in text(page)
    assert Study(home.study_called("My masks")).info["task"] == "mlm"


@pytest.mark.parametrize(("label", "command"), [("Add its controls", "controls"), ("Test what explains", "typology")])
def test_a_run_on_saved_masks_is_filled_in(label, command):
    at = saved(uploaded("en", "fr", "de", "ru"), "My masks", model="mini-mbert")
    next(each for each in at.button if each.label.startswith(label)).click().run()
    assert at.title[0].value == "Runs"
    assert not at.error
    said = "".join(code.value for code in at.main.code)
    assert said.startswith(f"neutral {command} ")
    assert said.endswith(f"--study {shlex.quote(str(home.study_called('My masks')))}")
    assert ("mini-mbert" in said) == (command == "controls")


@pytest.mark.long
@pytest.mark.parametrize(
    "page", ["app", "pages/pair", "pages/layers", "pages/typology", "pages/tickets", "pages/inside"]
)
def test_every_page_shows_a_saved_study(page):
    saved(uploaded(*CODES), "My masks")
    at = opened(f"{page}.py", study="My masks")
    assert not at.error
    assert {"app": "masks saved on", "pages/tickets": ""}.get(page, "My masks") in text(at)


def test_a_study_that_was_saved_has_a_name_without_typing_and_is_the_one_that_other_pages_open():
    at = uploaded("en", "fr", "de", show="Both", study="mini-mbert-mlm", method="Magnitude")
    assert at.text_input(key="save-name").value == "My masks"
    assert "The files say nothing" in [each.proto.placeholder for each in at.selectbox]
    words = text(at)
    assert words.index("## Overlap") < words.index("## What was read")
    button(at, "Save").click().run()
    assert "Saved as My masks." in [each.value for each in at.success]
    at.switch_page("app.py").run()
    assert at.selectbox(key="study").value == "My masks"
    assert not [each.value for each in at.warning if "Magnitude" in each.value]
    assert uploaded("en", "fr").text_input(key="save-name").value == "My masks 2"


def test_nothing_is_saved_twice_under_a_name_or_without_one():
    at = uploaded("en", "fr")
    for name in ("", " ", "../..", "***"):
        saved(at, name)
        assert "needs a name with a letter or digit" in at.error[0].value
    saved(at, "mini-mbert mlm")  # a bundled one
    assert "there is a study called mini-mbert-mlm already" in at.error[0].value
    home.study_called("mine").mkdir(parents=True)
    saved(at, "Mine!")
    assert "is there already, and nothing is written over" in at.error[0].value
    assert str(home.home()) not in at.error[0].value
    assert [path.name for path in home.studies().iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["../../../etc/passwd", "a/b\x00c", "<b>x</b>", "حروف" * 25, "x" * 100, ".hidden"])
def test_a_hostile_name_makes_a_folder_among_the_studies(name):
    at = saved(uploaded("en", "fr"), name)
    assert not at.error
    (study,) = home.studies().iterdir()
    assert Study(study).info["languages"] == ["en", "fr"]
    assert catalogue.studies()[0][study.name].path == study
    assert not [path for path in home.home().iterdir() if path.name not in ("studies", "uploads")]


def test_each_network_becomes_a_study_of_its_own():
    at = uploaded("en", "fr")
    other = synthetic.Model(synthetic.shapes(3), 3)
    at.get("file_uploader")[0].set_value([("de.safetensors", maskfiles.to_bytes(other.mask("de", 0.5)), "")])
    at.run()
    for place, name in enumerate(("One", "Other")):
        at.selectbox(key="save-network").set_value(place)
        saved(at, name)
    assert [Study(home.study_called(name)).info["languages"] for name in ("One", "Other")] == [["en", "fr"], ["de"]]
    assert [Study(home.study_called(name)).info["files"][0] for name in ("One", "Other")] == [
        "en.safetensors",
        "de.safetensors",
    ]


def test_a_disk_that_is_full_leaves_no_half_a_study(monkeypatch):
    at = uploaded("en", "fr")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        saved(at, "Mine")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(at.error) == 1
    assert str(home.home()) not in at.error[0].value
    assert not list(home.studies().iterdir())


def test_a_server_that_others_can_open_saves_no_studies_unless_it_is_told_to(monkeypatch):
    monkeypatch.setattr(permission, "is_local", lambda *_: False)
    at = uploaded("en", "fr")
    assert "studies are not saved from its pages" in text(at)
    assert not [each for each in at.button if each.label == "Save"]
    monkeypatch.setenv(permission.VARIABLE, "on")
    at = saved(at.run(), "Mine")
    assert Study(home.study_called("Mine"))
    assert str(home.home()) not in text(at) + "".join(code.value for code in at.code)
    assert json.loads((home.study_called("Mine") / "study.json").read_text())["title"] == "Mine"


def test_without_a_home_the_pages_work_and_say_that_nothing_is_stored(monkeypatch):
    def nowhere():
        raise NeutralError("NEUTRAL_HOME: this user has no home folder")

    monkeypatch.setattr(home, "home", nowhere)
    at = uploaded("en", "fr")
    assert names(at) == ["en", "fr"]
    assert "no home folder" in at.warning[0].value
    assert not opened("app.py", uploads=uploads.new_token()).error
