"""Model weights on a Volume: fetched once from the Hugging Face Hub, checked, found again, removed.

They lie in the Hub library's own cache layout, so that other apps share them. Beside it we keep a receipt for
each repository and revision, written last: what has a receipt is complete and checked, and a server serves
nothing else. The Hub library is imported where it is used, since the servers only read receipts.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

Say = Callable[[str], object]


class WeightsError(Exception):
    """Weights are missing, unreachable or damaged. The message says what to do."""


@dataclass(frozen=True)
class Source:
    """Files of a Hub repository, chosen by shell patterns, at a commit, branch or tag."""

    repository: str
    revision: str
    patterns: tuple[str, ...]
    """The first is that of the weights."""
    one_file: bool = False
    """Whether the weights must be a single file, or the parts of one."""

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"

    def choose(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that match a pattern, sorted."""
        return sorted(
            name
            for name in names
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in self.patterns)
            # vLLM loads the top folder. Below it lie a training's checkpoints, or the same weights once more.
            and not fnmatch.fnmatchcase(name, "*/*.safetensors")
        )


@dataclass(frozen=True)
class Receipt:
    """What was fetched and checked: the commit that a revision stood for, and the files with their sizes."""

    commit: str
    files: dict[str, int]


def fetch(source: Source, home: Path, commit: Callable[[], object], say: Say = print) -> Path:
    """Brings the files of `source` under `home`, checks them and returns their folder.

    `commit` is called after every file, so that a run that is cut off leaves the finished ones behind; the
    next run goes on with the others. Nothing is downloaded or hashed again once it is complete.

    Raises WeightsError when the repository or its files do not exist, are not ours to read, leave a choice or
    arrive damaged, and when the Hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download

    commit_hash, files = _list_files(source)
    folder = _snapshot(source, home, commit_hash)
    known = _read_receipt(source, home)
    # A receipt for the same commit may hold other files of the repository: another quantization, say.
    checked = dict(known.files) if known and known.commit == commit_hash else {}
    missing = [file for file in files if not _is_checked(file, folder, checked)]
    if not missing:
        say(f"{source}: all {len(files)} files are here and checked; nothing to do.")
        return folder

    _remove_leftovers(source, home)
    for number, file in enumerate(missing, 1):
        name = file.rfilename
        say(f"{source}: {number} of {len(missing)}: {name}, {(file.size or 0) / 1e9:.2f} GB")
        with _hub_errors(source):
            path = hf_hub_download(source.repository, name, revision=commit_hash, cache_dir=home / "hub")
        _check(file, Path(path))
        checked[name] = file.size or 0
        commit()
    _write_receipt(source, home, Receipt(commit_hash, checked))
    commit()
    say(f"{source}: complete, {sum(checked.values()) / 1e9:.1f} GB in {len(checked)} files.")
    return folder


def locate(source: Source, home: Path) -> Path:
    """The folder in which `fetch` left the files.

    Raises WeightsError, with the command to run, unless they are complete.
    """
    return _located(source, home)[0]


def locate_file(source: Source, home: Path) -> Path:
    """The one file that matches; the first part of one that was split as `-00001-of-00005`.

    Raises WeightsError when none or several match.
    """
    folder, names = _located(source, home)
    return folder / the_one_file(names, str(source))


def the_one_file(names: list[str], place: str) -> str:
    """The one name, or the first part of one that was split.

    Raises WeightsError, listing the names, when that leaves a choice.
    """
    wholes = [name for name in names if "-of-" not in name or "-00001-of-" in name]
    if len(wholes) != 1:
        listed = ", ".join(wholes) or "none"
        raise WeightsError(f"{place}: exactly one file must match the pattern, here {listed}; set `file`")
    return wholes[0]


def prune(
    keep: Iterable[Source], home: Path, commit: Callable[[], object], repository: str, say: Say = print
) -> None:
    """Lists what lies under `home`; removes what `keep` has no use for, of `repository` alone.

    Without a repository it only lists. What the current settings serve is never removed.
    """
    from huggingface_hub import scan_cache_dir

    if not (home / "hub").is_dir():
        say("Nothing has been downloaded yet.")
        return
    receipts = {
        (source.repository, receipt.commit) for source in keep if (receipt := _read_receipt(source, home))
    }
    cache = scan_cache_dir(home / "hub")
    doomed = []
    for repo in sorted(cache.repos, key=lambda repo: repo.repo_id):
        for revision in repo.revisions:
            used = (repo.repo_id, revision.commit_hash) in receipts
            remove = repo.repo_id == repository and not used
            doomed += [revision.commit_hash] if remove else []
            word = "served" if used else "removed" if remove else "not served here"
            say(f"{repo.repo_id} {revision.commit_hash[:12]} {revision.size_on_disk / 1e9:.1f} GB {word}")
    if not doomed:
        return
    strategy = cache.delete_revisions(*doomed)
    for path in _receipts_folder(home).glob(f"{_flat(repository)}@*.json"):
        if _parse_receipt(path).commit in doomed:
            path.unlink()
    strategy.execute()
    commit()
    say(f"Freed {strategy.expected_freed_size_str}.")


def _list_files(source: Source) -> tuple[str, list[RepoSibling]]:
    from huggingface_hub import HfApi

    with _hub_errors(source):
        info = HfApi().model_info(source.repository, revision=source.revision, files_metadata=True)
    by_name = {file.rfilename: file for file in info.siblings or []}
    chosen = source.choose(by_name)
    weights = fnmatch.filter(chosen, source.patterns[0])
    if not weights:
        raise WeightsError(
            f"{source}: no file matches {source.patterns[0]}; it has {', '.join(sorted(by_name))}"
        )
    if source.one_file:
        # Here already: a repository of GGUF holds the same model many times over.
        the_one_file(weights, str(source))
    return str(info.sha), [by_name[name] for name in chosen]


@contextmanager
def _hub_errors(source: Source) -> Iterator[None]:
    """Says in plain words what the Hub has against giving us `source`."""
    import httpx2
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except RevisionNotFoundError:
        raise WeightsError(f"{source}: the repository has no such commit, branch or tag") from None
    except GatedRepoError:
        # Anybody may list its files.
        raise WeightsError(
            f"{source} is gated: accept its terms on its page at the Hub, then create a Modal Secret that "
            "holds that account's HF_TOKEN and set hf_secret to its name"
        ) from None
    except RepositoryNotFoundError:
        raise WeightsError(
            f"{source}: there is no such repository, or it is private; for a private one create a Modal "
            "Secret that holds HF_TOKEN and set hf_secret to its name"
        ) from None
    except HfHubHTTPError as error:
        raise WeightsError(f"{source}: the Hub refused: {error}") from None
    except (httpx2.HTTPError, LocalEntryNotFoundError) as error:
        raise WeightsError(f"{source}: the Hub cannot be reached: {error.__cause__ or error}") from None


def _check(file: RepoSibling, path: Path) -> None:
    from huggingface_hub.utils.sha import git_hash, sha_fileobj

    with path.open("rb") as stream:
        # Large files carry a SHA-256, small ones the hash under which git has them.
        if file.lfs:
            expected, actual = file.lfs.sha256, sha_fileobj(stream).hex()
        else:
            expected, actual = file.blob_id, git_hash(stream.read())
    if expected != actual:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise WeightsError(f"{file.rfilename} arrived damaged and was removed; run the download again")


def _is_checked(file: RepoSibling, folder: Path, checked: dict[str, int]) -> bool:
    path = folder / file.rfilename
    return checked.get(file.rfilename) == file.size and path.is_file() and path.stat().st_size == file.size


def _remove_leftovers(source: Source, home: Path) -> None:
    # The Hub library starts each cut-off file anew, under another name: the old parts would stay for ever.
    for part in (_repository_folder(source, home) / "blobs").glob("*.incomplete"):
        part.unlink()


def _located(source: Source, home: Path) -> tuple[Path, list[str]]:
    receipt = _read_receipt(source, home)
    names = source.choose(receipt.files) if receipt else []
    if not receipt or not names:
        raise WeightsError(
            f"{source} is not on the Volume; run `modal run modal_service/vllm_server.py::download`, "
            "or that of llama_server.py, under the settings of this deploy"
        )
    return _snapshot(source, home, receipt.commit), names


def _flat(repository: str) -> str:
    return repository.replace("/", "--")


def _repository_folder(source: Source, home: Path) -> Path:
    return home / "hub" / f"models--{_flat(source.repository)}"


def _snapshot(source: Source, home: Path, commit_hash: str) -> Path:
    return _repository_folder(source, home) / "snapshots" / commit_hash


def _receipts_folder(home: Path) -> Path:
    return home / "pilotlight"


def _receipt_path(source: Source, home: Path) -> Path:
    return _receipts_folder(home) / f"{_flat(source.repository)}@{source.revision}.json"


def _read_receipt(source: Source, home: Path) -> Receipt | None:
    path = _receipt_path(source, home)
    return _parse_receipt(path) if path.is_file() else None


def _parse_receipt(path: Path) -> Receipt:
    return Receipt(**json.loads(path.read_text("utf-8")))


def _write_receipt(source: Source, home: Path, receipt: Receipt) -> None:
    path = _receipt_path(source, home)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"commit": receipt.commit, "files": receipt.files}, indent=1), "utf-8")
    os.replace(part, path)
