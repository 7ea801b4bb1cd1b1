"""A few tests run in a store of a team wherever all run; `make test-team` runs those of core and tracking there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import closing
from pathlib import Path

import pytest

import forebear
from forebear.store.opening import open_store
from tests import team

ROOT = Path(__file__).parents[1]
#: Quick ones, of what differs most: drafts, versions, aliases and lineage; journals, media and a run that was killed;
#: checks; large files.
CHOSEN = {
    "tests/api/checking/test_fsck.py": ["test_a_sound_store_is_sound_however_deep_one_looks"],
    "tests/artifacts/test_artifact.py": [
        "test_aliases_move_when_they_are_logged_and_only_then",
        "test_checkout_removes_what_is_not_part_of_it",
        "test_numbers_are_never_used_again",
        "test_who_made_it_and_who_used_it",
    ],
    "tests/store/test_near_equal.py": ["test_a_file_that_was_there_before_adds_nothing"],
    "tests/test_team.py": ["test_a_store_in_a_folder_is_one_of_a_team_where_that_is_asked_for"],
    "tests/tracking/test_collected.py": ["test_what_a_killed_run_saved_stays_until_somebody_takes_it_in"],
    "tests/tracking/test_log.py": ["test_each_call_is_a_step", "test_media_are_values_and_files"],
}


def test_a_store_in_a_folder_is_one_of_a_team_where_that_is_asked_for(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        assert store.url.startswith("postgresql://" if team.WANTED == team.TEAM else str(tmp_path))
    assert forebear.Api(store=str(tmp_path / "store")).store.id == store.id
    ask = "import sys, forebear; print(forebear.Api(store=sys.argv[1]).store.id)"
    command = [sys.executable, "-c", ask, str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == store.id, "a process that a test begins opens another one"


@pytest.mark.server
def test_a_few_tests_pass_in_a_store_of_a_team(team_servers: team.Team, tmp_path: Path) -> None:
    if team.WANTED == team.TEAM:
        pytest.skip("all run there")
    names = [f"{file}::{name}" for file, tests in CHOSEN.items() for name in tests]
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'temp'}"]
    done = subprocess.run(
        [*command, f"--junitxml={report}", *names],
        cwd=ROOT,
        env={**os.environ, "FOREBEAR_TEST_STORE": team.TEAM, "FOREBEAR_TEST_PG_URL": team_servers.database},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert team.HEADER in done.stdout, "all ran in folders"
    ran = [case.get("name") for case in ET.parse(report).iter("testcase") if not list(case)]
    assert ran == [name for tests in CHOSEN.values() for name in tests], "one was skipped, or was not there"


def test_what_is_left_out_is_there() -> None:
    """An entry whose test got another name, or went, would leave out nothing, or let a test run that was left out."""
    for beginning in team.NOT_HERE:
        file, _, name = beginning.partition("::")
        assert (ROOT / file).exists(), beginning
        if name:
            assert re.search(rf"^def {name.partition('[')[0]}", (ROOT / file).read_text(), re.MULTILINE), beginning
        assert name or team.NOT_HERE[beginning], f"{beginning} gives no reason"


def test_of_two_beginnings_the_longer_counts() -> None:
    file = "tests/api/checking/test_fsck.py"
    assert "test_team_checks.py" in team.why_not_here(f"{file}::test_a_missing_object_is_found_without_reading")
    assert team.why_not_here(f"{file}::test_what_is_no_share_is_refused[5]") == ""
    assert team.why_not_here("tests/tracking/test_log.py::test_each_call_is_a_step") == ""
