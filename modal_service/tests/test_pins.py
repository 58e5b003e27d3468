"""Each version is written in one place more than it should be: here these places are held together."""

from __future__ import annotations

import re

import pytest
from servers import FOLDER

from serving import deployment

PROJECT = (FOLDER / "pyproject.toml").read_text("utf-8")
REQUIREMENTS = (FOLDER / "requirements.txt").read_text("utf-8").lower().replace("_", "-")


def pinned() -> dict[str, str]:
    """What pyproject.toml asks for."""
    found = dict(re.findall(r'"([A-Za-z_]+)==([0-9.]+)[";]', PROJECT))
    assert {"modal", "pytest", "ruff", "pydantic", "openai", "huggingface_hub"} <= set(found)
    return found


def test_requirements_txt_has_what_pyproject_asks_for():
    lines = {line.partition(" ;")[0].strip() for line in REQUIREMENTS.splitlines()}
    for name, version in pinned().items():
        assert f"{name}=={version}".replace("_", "-") in lines


@pytest.mark.parametrize("name", ["requirements.txt", "vllm-requirements.txt"])
def test_everything_installed_is_pinned_and_no_registry_is_named(name):
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        assert line.startswith("#") or "==" in line
        assert "://" not in line


def test_a_model_that_was_fine_tuned_with_todays_transformers_can_be_read():
    # With 4 its tokenizer does not exist; vLLM 0.21 allows that, and the resolver had taken it.
    lines = (FOLDER / "vllm-requirements.txt").read_text("utf-8").splitlines()
    assert "vllm==0.21.0" in lines
    assert any(line.startswith("transformers==5.") for line in lines)


def test_the_images_have_the_versions_that_were_tested():
    assert pinned()["huggingface_hub"] == deployment.HUB_VERSION
    assert pinned()["pydantic"] == deployment.PYDANTIC_VERSION
