"""A team's store for tests: a schema of PostgreSQL and a prefix of a bucket on rclone, for each folder asked for.

With ``FOREBEAR_TEST_STORE=postgres+s3`` every store that a test has in a folder lies there instead:
`parse_store_url` is told so, also in processes that tests begin (see `team_children`). Tests of the folder itself are
left out then; `NOT_HERE` says which, and why.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from forebear.store.urls import StoreUrl

#: What the whole run was asked for; read now, because tests see no variables of the machine.
WANTED = os.environ.get("FOREBEAR_TEST_STORE", "")
TEAM = "postgres+s3"
#: What a run says before its tests.
HEADER = f"every store in a folder is one of a team: {TEAM}"
BUCKET = "team"
#: Variable that tells children where both servers are.
_SERVERS = "TEAM_OF_TESTS"


class Team(NamedTuple):
    """Both servers.

    Attributes:
        database: URL of a database that is thrown away at the end.
        s3: Where the bucket `BUCKET` is.
    """

    database: str
    s3: servers.Endpoint

    def url(self, name: str) -> str:
        """Return the URL of the store of that name; it is there once it was opened."""
        return _url_of(self.database, self.s3.url, name)

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Give this process the credentials of the bucket, and those of the database, which are kept in no settings."""
        for name, value in {**self.s3.environment, "PGPASSWORD": urlsplit(self.database).password or ""}.items():
            patch.setenv(name, value)


@contextlib.contextmanager
def team(folder: Path) -> Iterator[Team]:
    """Serve a database and a bucket until the block ends."""
    import fsspec
    import psycopg

    with servers.postgres() as server, servers.rclone_s3(folder / "s3") as s3:
        name = f"forebear_test_{uuid.uuid4().hex}"
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())
        system = fsspec.filesystem("s3", **s3.storage_options, skip_instance_cache=True)
        system.mkdir(BUCKET)
        try:
            yield Team(urlsplit(server.url)._replace(path=f"/{name}").geturl(), s3)
        finally:
            if server.restart is None:  # else the whole server goes, and that is quicker than a thousand schemas
                with psycopg.connect(server.url, autocommit=True) as connection:
                    connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def put_folders_there(team: Team, patch: pytest.MonkeyPatch) -> None:
    """Let every store in a folder be one of the team's, in this process and in those that it begins."""
    from forebear.store import opening, shared

    team.enter(patch)
    patch.setenv(_SERVERS, f"{team.database} {team.s3.url}")
    here = Path(__file__).parent
    patch.setenv("PYTHONPATH", os.pathsep.join([str(here / "team_children"), str(here.parent)]))
    parse = parser()
    for module in (opening, shared):
        patch.setattr(module, "parse_store_url", parse)


def parser() -> Callable[[str | os.PathLike[str]], StoreUrl]:
    """Return what takes URLs apart instead of `parse_store_url`, for the servers that the environment names."""
    from forebear.store import urls

    database, s3 = os.environ[_SERVERS].split()

    def parse(url: str | os.PathLike[str]) -> urls.StoreUrl:
        found = urls.parse_store_url(url)
        if found.folder is None or found.tail:
            return found
        return urls.parse_store_url(_url_of(database, s3, os.path.realpath(found.folder)))

    return parse


def _url_of(database: str, s3: str, name: str) -> str:
    mark = hashlib.sha256(name.encode()).hexdigest()[:24]
    return f"{database}?blobs=s3://{BUCKET}/{mark}&endpoint_url={quote(s3, safe=':/')}&schema=t{mark}"


def why_not_here(name: str) -> str:
    """Return why a test says nothing about a team's store, or nothing if it does: of `NOT_HERE`, the longest counts."""
    found = max((beginning for beginning in NOT_HERE if name.startswith(beginning)), key=len, default=None)
    return "" if found is None else NOT_HERE[found]


#: Of tests in a file that is left out as a whole, or of few: they do say something about it.
_HERE = ""
_FILES = "it looks at the files of a store in a folder"
_CHECKED = "it damages the files of a store in a folder; test_team_checks.py damages those of a team"
_RECOVERED = "it loses the catalog of a folder; test_team_checks.py loses that of a team"
_LOOSE = "it counts large files, which are objects of their own in a folder alone"
_LINKED = "links need blobs in a folder"
_FOLDERS = "it is about stores in folders; test_team_store.py has the same of a team's"
_ITSELF = "it tries the test, which is the same for every store"
_BROKEN = "it takes a folder away, fills it or keeps it busy"
_OFFLINE = "a run of a store in a folder is offline"
_COUNTED = "it counts calls of SQLite's catalog"

#: Beginning of the name of a test → why it says nothing about a team's store.
NOT_HERE: dict[str, str] = {
    "tests/api/checking/test_fsck.py": _CHECKED,
    "tests/api/checking/test_fsck.py::test_a_check_while_others_write": _HERE,
    "tests/api/checking/test_fsck.py::test_a_catalog_that_cannot_be_read": _HERE,
    "tests/api/checking/test_fsck.py::test_a_share_of_the_data": _HERE,
    "tests/api/checking/test_fsck.py::test_a_sound_store": _HERE,
    "tests/api/checking/test_fsck.py::test_a_version_that_is_deleted": _HERE,
    "tests/api/checking/test_fsck.py::test_a_version_that_is_logged": _HERE,
    "tests/api/checking/test_fsck.py::test_a_version_whose_record": _HERE,
    "tests/api/checking/test_fsck.py::test_an_empty_store": _HERE,
    "tests/api/checking/test_fsck.py::test_an_index_that_is_made_again": _HERE,
    "tests/api/checking/test_fsck.py::test_objects_that_the_index_lost": _LOOSE,
    "tests/api/checking/test_fsck.py::test_progress": _HERE,
    "tests/api/checking/test_fsck.py::test_records_that_newer_ones_replace": _HERE,
    "tests/api/checking/test_fsck.py::test_what_is_no_share": _HERE,
    "tests/api/checking/test_fsck.py::test_what_nobody_needs": _HERE,
    "tests/api/checking/test_fsck.py::test_what_was_thrown_out": _HERE,
    "tests/api/checking/test_recover.py": _RECOVERED,
    "tests/cli/test_fsck.py": _CHECKED,
    "tests/cli/test_fsck.py::test_a_sound_store": _HERE,
    "tests/cli/test_fsck.py::test_long_lists": _HERE,
    "tests/cli/test_gc.py::test_a_dry_run_prints_versions_objects_and_bytes": _LOOSE,
    "tests/cli/test_gc.py::test_a_script_does_the_same": _LOOSE,
    "tests/cli/test_gc.py::test_what_was_deleted_goes_to_the_trash_and_comes_back": _LOOSE,
    "tests/api/copying/test_copying.py::test_damage_is_told_and_the_rest_is_copied": _FILES,
    "tests/api/copying/test_copying.py::test_of_a_damaged_pack_what_is_sound_is_copied": _FILES,
    "tests/api/copying/test_far.py::test_many_files_are_few_requests": "it counts what a folder does not send",
    "tests/api/test_api.py::test_settings_come_from_arguments_in_both_spellings": _FILES,
    "tests/api/test_filesystem.py::test_a_flipped_bit_is_found_before_any_byte_leaves": _FILES,
    "tests/api/test_filesystem.py::test_a_large_file_is_hashed_once_and_ranges_are_read_by_position": _FILES,
    "tests/api/test_filesystem.py::test_a_missing_object_is_corrupt_data": _FILES,
    "tests/api/test_filesystem.py::test_damage_after_the_first_open_is_found_too": _FILES,
    "tests/api/test_filesystem.py::test_memory_is_bounded_for_a_large_file": _FILES,
    "tests/api/test_run_files.py::test_damage_never_leaves_the_store": _FILES,
    "tests/api/test_runs.py::test_a_short_piece_fetches_no_more_than_it_needs": _COUNTED,
    "tests/api/test_runs.py::test_one_run_costs_the_pages_up_to_it": _COUNTED,
    "tests/api/test_runs.py::test_runs_come_in_pages_that_grow": _COUNTED,
    "tests/artifacts/test_artifact.py::test_a_large_file_can_be_linked_in_and_out": _LINKED,
    "tests/artifacts/test_transfer.py::test_a_damaged_blob_is_named_with_its_file_and_the_others_it_hits": _FILES,
    "tests/artifacts/test_transfer.py::test_checkout_of_a_damaged_version_deletes_nothing": _FILES,
    "tests/cli/test_artifact.py::test_get_links": _LINKED,
    "tests/cli/test_artifact.py::test_show_says_how_little_a_near_equal_file_added": _FILES,
    "tests/cli/test_artifact.py::test_verify_names_damaged_files": _FILES,
    "tests/cli/test_output.py::test_answers_fit_the_terminal[init]": "a URL is shown whole, to be copied",
    "tests/cli/test_put.py::test_put_links": _LINKED,
    "tests/cli/test_reading.py::test_plain_command_lines_load_neither": "a bucket needs fsspec",
    "tests/cli/test_store.py": _FOLDERS,
    "tests/cli/test_store.py::test_doctor_names_journals": _HERE,
    "tests/cli/test_store.py::test_doctor_says_where": _HERE,
    "tests/cli/test_store.py::test_doctor_without_a_store": _HERE,
    "tests/cli/test_store.py::test_init_refuses": _HERE,
    "tests/cli/test_store.py::test_options_count_more": _HERE,
    "tests/cli/test_store_copy.py::test_a_dry_run_writes_nothing": _FILES,
    "tests/cli/test_store_copy.py::test_damage_is_told": _FILES,
    "tests/cli/test_sync.py::test_a_killed_run_is_recovered": _FILES,
    "tests/cli/test_sync.py::test_a_run_of_a_store_here_is_offline_anyway": _OFFLINE,
    "tests/cli/test_sync.py::test_damage_i": _FILES,
    "tests/cli/test_sync.py::test_doctor_tells_what_waits": _OFFLINE,
    "tests/cli/test_sync.py::test_one_run_alone_sends_nothing": _OFFLINE,
    "tests/cli/test_sync.py::test_runs_that_were_logged_offline_are_sent": _OFFLINE,
    "tests/cli/test_sync.py::test_sending_twice_is_sending_once": _OFFLINE,
    "tests/e2e/test_cli.py::test_damage_has_a_status_of_its_own": _FILES,
    "tests/formats": "its stores were kept in folders",
    "tests/stateful/test_artifact_machine.py::test_the_machine_notices": _ITSELF,
    "tests/stateful/test_catalog_machine.py": "it drives SQLite's catalog; test_postgres.py drives that of a team",
    "tests/store/test_hostile_marks.py::test_a_mark_that_sends_to_no_place": _FILES,
    "tests/store/test_near_equal.py::test_a_file_that_shares_little": _LINKED,
    "tests/store/test_near_equal.py::test_a_linked_file": _LINKED,
    "tests/store/test_near_equal.py::test_a_pack_says_by_itself": _LOOSE,
    "tests/store/test_near_equal.py::test_a_recipe_that_is_asked_for_by_link": _LINKED,
    "tests/store/test_near_equal.py::test_a_small_file_that_equals_a_chunk_of_a_large_one_comes_back[linked]": _LINKED,
    "tests/store/test_near_equal.py::test_the_first_is_one_object": _LOOSE,
    "tests/store/test_near_equal.py::test_what_does_not_shrink": _LOOSE,
    "tests/store/test_opening.py::test_a_store_that_is_whole_in_one_folder": _FOLDERS,
    "tests/store/test_opening.py::test_the_folder_alone_says": _FOLDERS,
    "tests/store/test_recovering.py": _RECOVERED,
    "tests/tracking/capture/test_start.py::test_beginning_loads_nothing_heavy": "s3fs and psycopg load what they like",
    "tests/tracking/test_files.py::test_damaged_bytes_are_not_handed_out": _FILES,
    "tests/tracking/test_init.py::test_what_a_run_tells_of_itself": _OFFLINE,
    "tests/tracking/test_run.py::test_the_store_is_the_nearest_above_the_folder": _FILES,
    "tests/tracking/test_run.py::test_what_init_was_told_is_kept": _OFFLINE,
    "tests/tracking/test_survival.py::test_memory_does_not_grow_with_the_number_of_calls": "s3fs takes 30 MB itself",
    "tests/tracking/test_troubles.py::test_a_disk_that_is_full_to_the_end": _BROKEN,
    "tests/tracking/test_troubles.py::test_a_run_that_begins_to_log_while_its_store_is_away": _BROKEN,
    "tests/tracking/test_troubles.py::test_a_store_that_is": _BROKEN,
    "tests/tracking/test_troubles.py::test_an_end_without_room": _BROKEN,
}
