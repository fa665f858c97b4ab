"""What a session may upload, what is said of what is over it, and that memory comes back when a session ends."""

import io
import time
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
import synthetic
from apppages import opened, text
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from benchmarks.server import started
from benchmarks.sessions import megabytes
from benchmarks.visitors import Visitor
from neutral import maskfiles
from neutral.memory import Memory
from pages.parts import quota, sessions
from pages.parts.quota import Held

MODEL = synthetic.Model(synthetic.shapes(2), 2)


@pytest.fixture
def roomy(monkeypatch):
    """A machine with 100 GB of memory left."""
    monkeypatch.setattr(quota, "memory", lambda: Memory(10**11, 10**12))


def uploaded(*codes, at=None):
    at = at or opened("pages/masks.py")
    files = [(f"{code}.safetensors", maskfiles.to_bytes(MODEL.mask(code, 0.5)), "") for code in codes]
    at.get("file_uploader")[0].set_value(files)
    return at.run(), sum(len(data) for _, data, _ in files)


def names(at):
    return [box.value for box in at.text_input if box.label == "Language or name"]


@pytest.mark.parametrize(
    ("written", "size"),
    [("4GB", 4e9), ("500 MB", 5e8), ("1.5g", 1.5e9), ("2GiB", 2e9), ("70000", 70000), ("much", 7), ("", 7), ("-1", 7)],
)
def test_a_limit_is_written_as_people_write_sizes(written, size):
    assert quota._size(written, 7) == size


def test_files_over_a_limit_are_refused_by_name_and_the_rest_kept(roomy, monkeypatch):
    monkeypatch.setenv(quota.BYTES, "10MB")
    monkeypatch.setenv(quota.FILES, "3")
    files = [("a.pt", 6_000_000), ("b.pt", 5_000_000), ("c.pt", 1_000_000), ("d.pt", 1_000_000), ("e.pt", 1)]
    refused = quota.over(files, Held(masks=0, uploaded=1_000_000))
    assert list(refused) == [1, 4]
    assert refused[1].startswith("b.pt: is left out: with its 5 MB this session would hold 12 MB of uploads, and ")
    assert refused[4].startswith("e.pt: is left out: this session holds 3 masks, and 3 is the limit; remove masks ")


def test_the_default_is_four_gigabytes_and_two_hundred_files(monkeypatch):
    monkeypatch.delenv(quota.BYTES, raising=False)
    monkeypatch.delenv(quota.FILES, raising=False)
    assert quota.limits() == (4e9, 200)


def test_what_would_not_fit_into_memory_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(quota, "memory", lambda: Memory(800_000_000, 4_000_000_000))
    refused = quota.over([("a.pt", 300_000_000), ("b.pt", 400_000_000), ("c.pt", 100_000_000)], Held())
    assert list(refused) == [1]
    assert "too little memory left for its 400 MB" in refused[1]


def test_all_sessions_together_have_a_limit(roomy, monkeypatch):
    monkeypatch.setenv(quota.IN_ALL, "1GB")
    assert not quota.over([("a.pt", 10**8)], Held(kept=10**8), others=8 * 10**8)
    refused = quota.over([("a.pt", 10**8)], Held(kept=10**8), others=9 * 10**8)
    assert "all sessions together may have 1 GB in memory" in refused[0]


@pytest.mark.parametrize(
    ("left", "limit", "warned"),
    [(5e8, 23e9, True), (2e9, 23e9, False), (3e8, 2e9, False), (1e8, 2e9, True)],
)
def test_scarce_memory_is_said_with_how_much_and_what_to_do(left, limit, warned, monkeypatch):
    monkeypatch.setattr(quota, "memory", lambda: Memory(int(left), int(limit)))
    said = quota.scarce()
    assert bool(said) == warned
    if warned:
        assert f"has {quota.amount(left)} of its {quota.amount(limit)} of memory left" in said
        assert "remove masks" in said
        assert said in text(opened("pages/masks.py"))


def test_the_page_shows_what_is_used_and_says_when_the_quota_is_reached(roomy, monkeypatch):
    monkeypatch.setenv(quota.FILES, "3")
    at, size = uploaded("en", "fr")
    assert f"Uploads: 2 of at most 3 masks, {quota.amount(size)} of at most 4 GB" in text(at)
    at, _ = uploaded("de", "ru", at=at)
    assert names(at) == ["en", "fr", "de"]
    assert "ru.safetensors: is left out: this session holds 3 masks" in at.error[0].value
    assert "To upload more, remove masks" in at.warning[0].value
    next(button for button in at.button if button.label == "Remove").click().run()
    at, _ = uploaded("ru", at=at)
    assert names(at) == ["fr", "de", "ru"]


def test_a_file_that_is_no_mask_takes_no_masks_place(roomy, monkeypatch):
    monkeypatch.setenv(quota.FILES, "3")
    monkeypatch.setenv(quota.BYTES, "1MB")
    at = opened("pages/masks.py")
    good = [(f"{code}.safetensors", maskfiles.to_bytes(MODEL.mask(code, 0.5)), "") for code in ("en", "fr", "de", "ru")]
    bad = [("a.pt", b"text", ""), ("b.npz", b"x" * 999_000, "")]
    at.get("file_uploader")[0].set_value([*bad, *good]).run()
    assert names(at) == ["en", "fr", "de"]
    problems = [error.value.partition(": ")[0] for error in at.error]
    assert problems == ["a.pt", "b.npz", "ru.safetensors"]


def test_an_archive_counts_by_its_own_size_and_its_masks_as_files(roomy, monkeypatch):
    monkeypatch.setenv(quota.FILES, "2")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for code in ("en", "fr", "de"):
            archive.writestr(f"{code}.npz", _npz(MODEL.mask(code, 0.5)))
    at = opened("pages/masks.py")
    at.get("file_uploader")[0].set_value([("all.zip", file.getvalue(), "")])
    at.run()
    assert names(at) == ["en", "fr"]
    assert "de.npz: is left out" in at.error[0].value
    shares = sum(upload.share for upload in at.session_state["_uploads"] if upload.mask)
    assert shares == pytest.approx(len(file.getvalue()) * 2 / 3, abs=3)


def _npz(mask):
    file = io.BytesIO()
    np.savez(file, **mask.to_arrays())
    return file.getvalue()


class Server:
    """A runtime with real uploads, and sessions that are there or not."""

    def __init__(self):
        self.uploaded_file_mgr, self.active, self.closed = MemoryUploadedFileManager("/x"), set(), []

    def is_active_session(self, session):
        return session in self.active

    def close_session(self, session):
        self.closed.append(session)

    def put(self, session, name, size):
        self.uploaded_file_mgr.add_file(session, UploadedFileRec(name, name, "", bytes(size)))


def test_what_a_session_left_unread_goes_when_it_was_gone_for_long_enough(roomy):
    server = Server()
    keeper = sessions.Keeper(server, keep=90)
    keeper.loop = SimpleNamespace(call_soon_threadsafe=lambda call, *given: call(*given), is_closed=lambda: False)
    server.active = {"a", "b"}
    for one in ("a", "b", "never ran"):
        server.put(one, "x.pt", 10)
    keeper.held["a"] = Held(1, 5, 5)
    assert not keeper.look(0)
    server.active = {"b"}
    assert not keeper.look(10)
    assert not keeper.look(89)
    assert keeper.look(91)  # the third was gone from the first look on
    assert set(server.uploaded_file_mgr.file_storage) == {"a", "b"}
    server.active = {"a", "b"}  # it came back
    assert not keeper.look(99)
    server.active = {"b"}
    assert not keeper.look(150)
    assert keeper.look(240)
    assert set(server.uploaded_file_mgr.file_storage) == {"b"}
    assert server.closed == ["never ran", "a"]
    assert not keeper.held
    keeper._close("b")
    assert "b" not in server.closed  # it came back at the last moment


def test_unread_uploads_do_not_grow_beyond_the_quota(roomy, monkeypatch):
    monkeypatch.setenv(quota.BYTES, "100")
    server = Server()
    keeper = sessions.Keeper(server, keep=90)
    server.active = {"a"}
    for i in range(4):
        server.put("a", f"{i}.pt", 40)
    keeper.reading.add("a")
    keeper.look(0)
    assert len(server.uploaded_file_mgr.file_storage["a"]) == 4  # while they are read, they stay
    keeper.reading.clear()
    keeper.look(1)
    assert list(server.uploaded_file_mgr.file_storage["a"]) == ["0.pt", "1.pt"]
    assert [line[:5] for line in keeper.left_out["a"]] == ["2.pt:", "3.pt:"]


@pytest.mark.long
def test_a_running_server_gives_memory_back_and_says_what_it_left_out(tmp_path):
    log = tmp_path / "log"
    options = ("--server.disconnectedSessionTTL", "5")
    with started(*options, log=log, NEUTRAL_UPLOAD_BYTES="250MB") as server:
        visitor = Visitor(server.address)
        page = visitor.open("masks")
        before = megabytes(server.process.pid)
        for _ in range(2):
            other = Visitor(server.address)
            other.open("masks")
            other.send({"unread.pt": bytes(200_000_000)})  # no run reads them
            other.leave()
        assert megabytes(server.process.pid) > before + 300
        files = visitor.send({"one.pt": bytes(150_000_000), "two.pt": bytes(150_000_000)})
        time.sleep(2 * sessions.SECONDS)
        uploader = page.of("file_uploader")[0].id
        page = visitor.change(id=uploader, file_uploader_state_value={"uploaded_file_info": files})
        said = [alert.body for alert in page.of("alert")]
        assert any(line.startswith("one.pt: ") and "left out" not in line for line in said)  # read: no mask
        assert any(line.startswith("two.pt: is left out: with its 150 MB this session would hold") for line in said)
        latest = time.monotonic() + 30
        while megabytes(server.process.pid) > before + 60 and time.monotonic() < latest:
            time.sleep(1)
        assert megabytes(server.process.pid) <= before + 60
    assert "Traceback" not in log.read_text()
