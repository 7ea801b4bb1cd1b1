"""Installed packages are listed as pip would, without reading what each of them ships."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from forebear.tracking.capture.environment import conda_packages, requirements


def test_the_packages_of_this_python() -> None:
    listed = dict(line.split("  #")[0].split("==") for line in requirements().splitlines())
    installed = {
        one.metadata["Name"].lower().replace("_", "-"): one.version for one in importlib.metadata.distributions()
    }
    assert {name.lower(): version for name, version in listed.items()} == installed
    assert "psutil" in listed


def test_earlier_folders_win_and_lines_are_sorted(tmp_path: Path) -> None:
    for name in ("a/zeta-1.0.dist-info", "a/Alpha_Beta-2.0+cpu.dist-info", "b/alpha_beta-9.dist-info",
                 "b/old-0.1-py3.11.egg-info", "b/no_version.dist-info", "b/zeta"):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
    paths = [str(tmp_path / name) for name in ("a", "b", "none")]
    assert requirements(paths) == "Alpha-Beta==2.0+cpu\nold==0.1\nzeta==1.0\n"
    assert requirements([]) == ""


def test_where_a_package_came_from_is_told_without_secrets(tmp_path: Path) -> None:
    sources = {
        "git-1.dist-info": json.dumps({"url": "https://u:hunter2@host/x", "vcs_info": {"commit_id": "abc"}}),
        "local-1.dist-info": json.dumps({"url": "file:///home/me/local", "dir_info": {"editable": True}}),
        "broken-1.dist-info": "{",
        "odd-1.dist-info": "[]",
    }  # fmt: skip
    for name, text in sources.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "direct_url.json").write_text(text)
    assert requirements([str(tmp_path)]).splitlines() == [
        "broken==1",
        "git==1  # https://***@host/x@abc",
        "local==1  # file:///home/me/local",
        "odd==1",
    ]


def test_the_working_folder_may_be_on_the_path() -> None:
    Path("here-3.dist-info").mkdir()
    assert requirements([""]) == "here==3\n"


def test_a_conda_environment_is_listed_as_conda_reads_it(tmp_path: Path) -> None:
    assert conda_packages(str(tmp_path)) == ""
    (tmp_path / "conda-meta").mkdir()
    for name in ("numpy-2.0.1-py311h1.json", "ca-certificates-2024.7-0.json", "history", "odd.json"):
        (tmp_path / "conda-meta" / name).touch()
    assert conda_packages(str(tmp_path)) == "ca-certificates=2024.7=0\nnumpy=2.0.1=py311h1\n"
