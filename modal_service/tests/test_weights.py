"""The real huggingface_hub and a Hub on this machine: downloads cut off, gone on with, checked, removed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from serving import weights
from serving.weights import Source, WeightsError

MEGABYTE = 1_000_000
FILES = {
    "config.json": b'{"architectures": ["Any"]}',
    "model-00001-of-00002.safetensors": b"a" * 12 * MEGABYTE,
    "model-00002-of-00002.safetensors": b"b" * 12 * MEGABYTE,
    "original/consolidated.pth": b"the same weights once more",
}
SOURCE = Source("owner/model", "main", ("*.safetensors", "*.json"))
WANTED = SOURCE.choose(FILES)
FIRST, SECOND = (name for name in WANTED if name.endswith(".safetensors"))


class Volume:
    """Counts commits and keeps what was said."""

    def __init__(self) -> None:
        self.commits = 0
        self.said: list[str] = []

    def commit(self) -> None:
        self.commits += 1


@pytest.fixture
def volume() -> Volume:
    return Volume()


def fetch(source: Source, home: Path, volume: Volume) -> Path:
    return weights.fetch(source, home, volume.commit, volume.said.append)


def downloaded(hub) -> list[str]:
    return [name for name, _ in hub.downloads]


def test_fetches_what_is_wanted_and_nothing_else(hub, volume, tmp_path):
    commit = hub.publish("owner/model", FILES)
    folder = fetch(SOURCE, tmp_path, volume)
    assert folder.name == commit
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == set(
        WANTED
    )
    assert all((folder / name).read_bytes() == FILES[name] for name in WANTED)
    assert weights.locate(SOURCE, tmp_path) == folder
    # All of one commit, even if the branch moves on in between.
    assert hub.revisions == {commit}
    # One for each file, so that a cut-off run keeps them, and one for the receipt.
    assert volume.commits == len(WANTED) + 1
    assert any("2 of 3: model-00001-of-00002.safetensors, 0.01 GB" in line for line in volume.said)


def test_a_second_run_downloads_nothing(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    fetch(SOURCE, tmp_path, volume)
    hub.downloads.clear()
    volume.commits = 0
    fetch(SOURCE, tmp_path, volume)
    assert hub.downloads == []
    assert volume.commits == 0
    assert "nothing to do" in volume.said[-1]


def test_a_dropped_connection_is_taken_up_where_it_broke(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    hub.cut_once[FIRST] = 11 * MEGABYTE
    fetch(SOURCE, tmp_path, volume)
    again, resumed_at = [start for name, start in hub.downloads if name == FIRST]
    assert again == 0
    assert 0 < resumed_at <= 11 * MEGABYTE


def test_after_a_kill_finished_files_stay_and_nothing_counts_as_complete(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    hub.stall[SECOND] = 11 * MEGABYTE
    script = (
        "from pathlib import Path; from serving import weights; "
        f"weights.fetch(weights.{SOURCE!r}, Path({str(tmp_path)!r}), lambda: None)"
    )
    # Popen inherits HF_ENDPOINT from conftest.py.
    killed = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parent.parent)
    assert hub.stalled.wait(60)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with pytest.raises(WeightsError, match="not on the Volume"):
        weights.locate(SOURCE, tmp_path)
    blobs = tmp_path / "hub/models--owner--model/blobs"
    assert list(blobs.glob("*.incomplete"))

    hub.stall.clear()
    hub.downloads.clear()
    fetch(SOURCE, tmp_path, volume)
    assert downloaded(hub) == [SECOND]
    assert not list(blobs.glob("*.incomplete"))
    assert weights.locate(SOURCE, tmp_path).is_dir()


def test_a_damaged_file_is_refused_removed_and_fetched_again(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    hub.corrupt.add(FIRST)
    with pytest.raises(WeightsError, match=f"{FIRST} arrived damaged"):
        fetch(SOURCE, tmp_path, volume)
    with pytest.raises(WeightsError, match="not on the Volume"):
        weights.locate(SOURCE, tmp_path)
    hub.corrupt.clear()
    folder = fetch(SOURCE, tmp_path, volume)
    assert (folder / FIRST).read_bytes() == FILES[FIRST]


def test_a_file_that_was_cut_short_on_the_volume_is_fetched_again(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    folder = fetch(SOURCE, tmp_path, volume)
    (folder / FIRST).resolve().write_bytes(b"a")
    with pytest.raises(WeightsError, match="arrived damaged"):
        fetch(SOURCE, tmp_path, volume)
    fetch(SOURCE, tmp_path, volume)
    assert (folder / FIRST).read_bytes() == FILES[FIRST]


def test_a_branch_serves_the_old_commit_until_the_new_one_is_complete(hub, volume, tmp_path):
    hub.publish("owner/model", FILES)
    old = fetch(SOURCE, tmp_path, volume)
    hub.publish("owner/model", {**FILES, FIRST: b"c" * MEGABYTE})
    hub.corrupt.add(FIRST)
    with pytest.raises(WeightsError):
        fetch(SOURCE, tmp_path, volume)
    assert weights.locate(SOURCE, tmp_path) == old
    hub.corrupt.clear()
    new = fetch(SOURCE, tmp_path, volume)
    assert weights.locate(SOURCE, tmp_path) == new != old


def test_another_quantization_is_added_without_fetching_the_first_again(hub, volume, tmp_path):
    hub.publish("owner/gguf", {"m-Q4_K_M.gguf": b"4" * 100, "m-Q8_0.gguf": b"8" * 200})
    four = Source("owner/gguf", "main", ("*Q4_K_M.gguf",))
    eight = Source("owner/gguf", "main", ("*Q8_0.gguf",))
    fetch(four, tmp_path, volume)
    with pytest.raises(WeightsError, match="not on the Volume"):
        weights.locate_file(eight, tmp_path)
    fetch(eight, tmp_path, volume)
    assert downloaded(hub) == ["m-Q4_K_M.gguf", "m-Q8_0.gguf"]
    assert weights.locate_file(four, tmp_path).name == "m-Q4_K_M.gguf"
    assert weights.locate_file(eight, tmp_path).name == "m-Q8_0.gguf"


def test_weights_below_the_top_folder_are_not_fetched(hub, volume, tmp_path):
    # A training leaves its checkpoints there, some publishers the weights in another format.
    hub.publish("owner/model", {**FILES, "checkpoint-500/model.safetensors": b"d" * MEGABYTE})
    fetch(SOURCE, tmp_path, volume)
    assert downloaded(hub) == WANTED


def test_a_choice_of_quantizations_is_refused_before_anything_is_fetched(hub, volume, tmp_path):
    parts = {f"big/m-Q8_0-0000{n}-of-00002.gguf": bytes([n]) * 100 for n in (1, 2)}
    hub.publish("owner/gguf", {"m-Q4_K_M.gguf": b"4" * 100, **parts})
    with pytest.raises(WeightsError, match=r"big/m-Q8_0-00001-of-00002\.gguf, m-Q4_K_M\.gguf; set `file`"):
        fetch(Source("owner/gguf", "main", ("*.gguf",), one_file=True), tmp_path, volume)
    assert downloaded(hub) == []
    fetch(Source("owner/gguf", "main", ("*Q8_0*.gguf",), one_file=True), tmp_path, volume)
    assert downloaded(hub) == list(parts)


def test_one_gguf_file_must_match():
    assert weights.the_one_file(["m-Q4_K_M.gguf"], "x") == "m-Q4_K_M.gguf"
    split = ["m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf"]
    assert weights.the_one_file(split, "x") == "m-00001-of-00003.gguf"
    with pytest.raises(WeightsError, match=r"exactly one.*a\.gguf, b\.gguf; set `file`"):
        weights.the_one_file(["a.gguf", "b.gguf"], "x")
    with pytest.raises(WeightsError, match="here none"):
        weights.the_one_file([], "x")


def test_a_private_repository_needs_the_token(hub, volume, tmp_path, monkeypatch):
    hub.publish("owner/model", FILES)
    hub.private.add("owner/model")
    with pytest.raises(WeightsError, match="HF_TOKEN.*hf_secret"):
        fetch(SOURCE, tmp_path, volume)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    fetch(SOURCE, tmp_path, volume)


def test_a_gated_repository_needs_the_token_of_who_accepted_its_terms(hub, volume, tmp_path, monkeypatch):
    hub.publish("owner/model", FILES)
    hub.gated.add("owner/model")
    with pytest.raises(WeightsError, match="gated: accept its terms.*HF_TOKEN.*hf_secret"):
        fetch(SOURCE, tmp_path, volume)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    fetch(SOURCE, tmp_path, volume)


def test_a_hub_that_goes_away_is_named(hub, volume, tmp_path, monkeypatch):
    hub.publish("owner/model", FILES)
    fetch(SOURCE, tmp_path, volume)
    hub.publish("owner/model", {**FILES, FIRST: b"c" * MEGABYTE})

    def unreachable(*_: object, **__: object) -> None:
        raise httpx2.ConnectError("connection refused")

    monkeypatch.setattr("huggingface_hub.file_download.get_hf_file_metadata", unreachable)
    with pytest.raises(WeightsError, match="the Hub cannot be reached: connection refused"):
        fetch(SOURCE, tmp_path, volume)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (Source("owner/nothing", "main", ("*",)), "no such repository"),
        (Source("owner/model", "v9", ("*",)), "no such commit, branch or tag"),
        (Source("owner/model", "main", ("*.gguf",)), r"no file matches \*\.gguf; it has config\.json"),
        # Nothing to load, though there is something to fetch.
        (Source("owner/model", "main", ("*.bin", "*.json")), r"no file matches \*\.bin"),
    ],
)
def test_what_does_not_exist_is_named(hub, volume, tmp_path, source, word):
    hub.publish("owner/model", FILES)
    with pytest.raises(WeightsError, match=word):
        fetch(source, tmp_path, volume)


def test_prune_removes_old_commits_of_one_repository_and_never_what_is_served(hub, volume, tmp_path):
    other = Source("owner/other", "main", ("*.json",))
    hub.publish("owner/other", {"config.json": b"{}"})
    fetch(other, tmp_path, volume)
    hub.publish("owner/model", FILES)
    old = fetch(SOURCE, tmp_path, volume)
    hub.publish("owner/model", {**FILES, FIRST: b"c" * MEGABYTE})
    new = fetch(SOURCE, tmp_path, volume)
    volume.said.clear()

    weights.prune([SOURCE], tmp_path, volume.commit, "", volume.said.append)
    assert old.is_dir()
    assert sorted(line.split(" GB ")[1] for line in volume.said) == [
        "not served here",
        "not served here",
        "served",
    ]

    weights.prune([SOURCE], tmp_path, volume.commit, "owner/model", volume.said.append)
    assert not old.is_dir()
    assert (new / FIRST).read_bytes() == b"c" * MEGABYTE
    assert (new / SECOND).read_bytes() == FILES[SECOND]
    assert weights.locate(SOURCE, tmp_path) == new
    assert weights.locate(other, tmp_path).is_dir()

    weights.prune([other], tmp_path, volume.commit, "owner/model", volume.said.append)
    assert not new.is_dir()
    with pytest.raises(WeightsError, match="not on the Volume"):
        weights.locate(SOURCE, tmp_path)


def test_prune_of_an_empty_volume_says_so(volume, tmp_path):
    weights.prune([SOURCE], tmp_path, volume.commit, "owner/model", volume.said.append)
    assert volume.said == ["Nothing has been downloaded yet."]
