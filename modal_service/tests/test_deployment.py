"""What download and the servers do with the Volumes, the Modal parts aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving import deployment
from serving.settings import LlamaSettings, VllmSettings, load
from serving.weights import WeightsError


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A folder in the Volume's place; the list gets an entry for each commit."""
    commits: list[str] = []
    monkeypatch.setattr(deployment, "HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(deployment, "volume_committer", lambda settings: lambda: commits.append("commit"))
    return commits


def test_downloads_the_model_and_its_adapters_and_finds_them_again(hub, volume):
    # The last is code of its own, for --trust-remote-code.
    files = {"config.json": b"{}", "model.safetensors": b"w" * 100, "modeling_own.py": b"pass"}
    hub.publish("owner/model", files)
    hub.publish("owner/lora", {"adapter_config.json": b'{"r": 8}', "adapter_model.safetensors": b"l" * 10})
    settings = load(VllmSettings, {"SERVE_MODEL": "owner/model", "SERVE_LORA": "support=owner/lora"})
    with pytest.raises(WeightsError, match=r"owner/model@main is not on the Volume"):
        deployment.place(settings, settings.model)
    deployment.download_all(settings)
    assert volume
    folder = deployment.place(settings, settings.model)
    assert {path.name for path in folder.iterdir()} == set(files)
    assert (deployment.place(settings, "owner/lora") / "adapter_config.json").is_file()


def test_of_several_gguf_files_none_is_downloaded_before_one_was_chosen(hub, volume):
    hub.publish("owner/gguf", {"m-Q4_K_M.gguf": b"4", "m-Q8_0.gguf": b"8"})
    with pytest.raises(WeightsError, match="exactly one file must match.*set `file`"):
        deployment.download_all(load(LlamaSettings, {"SERVE_MODEL": "owner/gguf"}))
    assert hub.downloads == []


def test_a_folder_on_a_models_volume_is_taken_as_it_is_if_it_is_there(volume, tmp_path, monkeypatch):
    monkeypatch.setattr("serving.settings.MODELS_DIR", str(tmp_path))
    settings = load(VllmSettings, {"SERVE_MODEL": f"{tmp_path}/mine", "SERVE_MODELS_VOLUME": "tuned"})
    with pytest.raises(WeightsError, match="mine does not exist; `modal volume ls tuned` lists"):
        deployment.place(settings, settings.model)
    (tmp_path / "mine").mkdir()
    assert deployment.place(settings, settings.model) == tmp_path / "mine"
    deployment.download_all(settings)
    assert volume == []


def test_prunes_what_the_settings_no_longer_serve(hub, volume, capsys):
    hub.publish("owner/gguf", {"m-Q4_K_M.gguf": b"4"})
    settings = load(LlamaSettings, {"SERVE_MODEL": "owner/gguf"})
    deployment.download_all(settings)
    deployment.prune_all(settings, "owner/gguf")
    assert deployment.weights.locate_file(
        settings.source(settings.model), Path(deployment.HUB_CACHE)
    ).is_file()
    deployment.prune_all(load(LlamaSettings, {}), "owner/gguf")
    assert "Freed" in capsys.readouterr().out
    with pytest.raises(WeightsError, match="not on the Volume"):
        deployment.place(settings, settings.model)


@pytest.mark.parametrize(("gigabytes", "warned"), [(43, False), (44, True)])
def test_warns_of_a_model_that_leaves_no_room(gigabytes, warned):
    said: list[str] = []
    deployment.warn_of_size(load(VllmSettings, {}), gigabytes * 10**9, said.append)
    assert bool(said) is warned
    assert not said or "do not fit into the 48 GB of L40S" in said[0]


def test_the_api_key_is_there_only_when_its_secret_is(monkeypatch):
    monkeypatch.setenv("MODEL_API_KEY", "somebody's own")
    assert deployment.api_key(load(VllmSettings, {})) == ""
    assert deployment.api_key(load(VllmSettings, {"SERVE_API_KEY_SECRET": "s"})) == "somebody's own"
