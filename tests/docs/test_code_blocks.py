"""Every code block of every page runs, page by page, in the order in which a reader meets the blocks.

A page has a folder, a home and a store of its own. ``bash`` and ``console`` blocks run in bash, and their folder and
exported variables hold for the blocks after them; ``python`` blocks share their names. A ``console`` block shows
commands after ``$`` and may show what they print; a ``text`` block right after a block that ran is what that printed.
``…`` stands for whatever differs from one time to the next. ``sql`` blocks are asked of the store's catalog, ``json``
and ``toml`` blocks are read. A command whose line ends in ``# exits with 4`` must do so; all others must succeed.
A block of ``make`` commands is looked up in the Makefile, because one of them runs this test.

What a page needs and readers do not want to see stands in comments::

    <!-- test:copy examples/digits -->            the folder lies beside the reader's files
    <!-- test:with s3 -->                         a server, described at `SERVERS`
    <!-- test:run python                          code (python or bash) that makes the reader's data
    ... -->
    <!-- test:skip the reason -->                 the next block does not run
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(page for page in [ROOT / "README.md"] if page.exists())])
#: Pages made from the code hold signatures, which are no programs; test_reference.py compares them with the code.
GENERATED = "<!-- Written by `make docs`"
LANGUAGES = {"python", "bash", "console", "text", "sql", "json", "toml", "mermaid"}
#: Seconds for one block.
TIMEOUT = 110

FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```[ \t]*$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!-- test:(\w+)[ \t]*([^\n]*?)(?:[ \t]*-->|\n(.*?)\n-->)", re.DOTALL)
EXITS = re.compile(r"# exits with (\d+)\s*$")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A code block, or a comment with an order to the test."""

    kind: str
    code: str
    line: int
    follows: bool = False


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of a page in order; a fence inside a comment is no block."""
    comments = list(COMMENT.finditer(text))
    found: list[tuple[int, Block]] = []
    for match in comments:
        kind, head, body = match[1], match[2], match[3]
        code = body if body is not None else ""
        found.append((match.start(), Block(f"test:{kind} {head}".strip(), code, line_of(text, match.start()))))
    end = -1
    for match in FENCE.finditer(text):
        if any(comment.start() < match.start() < comment.end() for comment in comments):
            continue
        follows = end >= 0 and not text[end : match.start()].strip()
        code = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
        found.append((match.start(), Block(match[2], code, line_of(text, match.start()), follows)))
        end = match.end()
    return [block for _, block in sorted(found, key=lambda item: item[0])]


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


class Reader:
    """Does what a page says."""

    def __init__(self, patch: pytest.MonkeyPatch, servers: contextlib.ExitStack) -> None:
        self.patch = patch
        self.servers = servers
        self.names: dict[str, object] = {"__name__": "__main__"}
        self.printed: str | None = None
        self.skip = False

    def follow_all(self, text: str) -> None:
        for block in blocks_of(text):
            try:
                self.follow(block)
            except BaseException as err:
                err.add_note(f"in the block at line {block.line}")
                raise

    def follow(self, block: Block) -> None:
        if block.kind.startswith("test:"):
            self.prepare(block)
            return
        skipped, self.skip = self.skip, False
        if skipped:
            self.printed = None
        elif block.kind == "text":
            if block.follows and self.printed is not None:
                assert_shows(self.printed, block.code.splitlines())
            self.printed = None
        elif block.kind == "python":
            self.printed = self.python(block)
        elif block.kind == "bash" and (targets := made_by(block.code)):
            assert targets <= makefile_targets(), f"the Makefile lacks {targets - makefile_targets()}"
        elif block.kind == "bash":
            self.printed = self.bash(block.code)
        elif block.kind == "console":
            self.console(block.code)
        else:
            self.printed = {"sql": ask, "json": json_text, "toml": toml_text}.get(block.kind, ignore)(block.code)

    def prepare(self, block: Block) -> None:
        order, _, words = block.kind.removeprefix("test:").partition(" ")
        if order == "skip":
            assert words, "a skip says why"
            self.skip = True
        elif order == "copy":
            source = ROOT / words
            shutil.copytree(source, Path.cwd() / source.name, ignore=shutil.ignore_patterns("out", "__pycache__"))
        elif order == "with":
            for server in words.split():
                self.servers.enter_context(SERVERS[server](self.patch))
        elif order == "run" and words == "python":
            self.python(block)
        elif order == "run" and words == "bash":
            self.bash(block.code)
        else:
            raise AssertionError(f"<!-- {block.kind} --> is no order that this test knows")

    def python(self, block: Block) -> str:
        printed = io.StringIO()
        code = compile("\n" * block.line + block.code, "page.md", "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, self.names)
        return printed.getvalue()

    def bash(self, code: str, status: int = 0) -> str:
        """Run commands; where they end up and what they export holds for the next ones."""
        ends = Path(os.environ["HOME"]) / "ends"
        trap = f"trap 'code=$?; pwd > {ends}; env -0 >> {ends}; exit $code' EXIT\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", trap + code],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == status, f"{code}\nended with {done.returncode}:\n{done.stdout}"
        folder, _, exported = ends.read_text().partition("\n")
        self.patch.chdir(folder)
        for pair in exported.rstrip("\0").split("\0"):
            name, _, value = pair.partition("=")
            if name not in {"_", "SHLVL", "PWD", "OLDPWD"} and os.environ.get(name) != value:
                self.patch.setenv(name, value)
        return done.stdout

    def console(self, text: str) -> None:
        for command, shown in commands_of(text):
            status = EXITS.search(command)
            printed = self.bash(command, int(status[1]) if status else 0)
            assert_shows(printed, shown)


def made_by(code: str) -> set[str]:
    """Return the targets of a block that calls make and nothing else."""
    calls = [re.match(r"make ([\w-]+)\s*(#|$)", line) for line in code.splitlines() if line.strip()]
    return {call[1] for call in calls if call} if all(calls) else set()


def makefile_targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def commands_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines shown below it; ``>`` goes on with a command."""
    command: str | None = None
    shown: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            if command is not None:
                yield command, shown
            command, shown = line[2:], []
        elif line.startswith("> ") and command is not None and not shown:
            command += "\n" + line[2:]
        else:
            assert command is not None, f"a console block begins with a command, not with {line!r}"
            shown.append(line)
    if command is not None:
        yield command, shown


def assert_shows(printed: str, shown: list[str]) -> None:
    """Fail unless the lines shown were printed in that order; blanks between words do not count."""
    lines = iter([" ".join(line.split()) for line in printed.splitlines()])
    for line in shown:
        words = " ".join(line.split())
        if not words or words == "…":
            continue
        pattern = re.compile(re.escape(words).replace(re.escape("…"), ".*") + r"\Z")
        assert any(pattern.match(found) for found in lines), f"no line like {words!r} (in order) in:\n{printed}"


def ask(query: str) -> str:
    import pysqlite3

    place = f"file:{Path.cwd() / '.forebear' / 'catalog.db'}?mode=ro"
    with contextlib.closing(pysqlite3.connect(place, uri=True)) as db:
        return "\n".join(" | ".join(str(value) for value in row) for row in db.execute(query))


def json_text(text: str) -> str:
    return json.dumps(json.loads(text))


def toml_text(text: str) -> str:
    return str(tomllib.loads(text))


def ignore(text: str) -> None:
    return None


@contextlib.contextmanager
def s3(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server with the bucket ``photos``, which keeps versions and holds ``2026/a.jpg`` and ``2026/b.jpg``."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "reader")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "reader")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        client = boto3.client("s3")
        client.create_bucket(Bucket="photos")
        client.put_bucket_versioning(Bucket="photos", VersioningConfiguration={"Status": "Enabled"})
        for name in "ab":
            client.put_object(Bucket="photos", Key=f"2026/{name}.jpg", Body=name.encode() * 1000)
        yield
    finally:
        server.stop()
        forget_filesystems()


@contextlib.contextmanager
def http(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """A web server whose address is in ``$WEB``, with ``prices.csv``."""
    folder = Path(os.environ["HOME"]) / "web"
    folder.mkdir()
    (folder / "prices.csv").write_text("day,price\n1,10\n2,12\n")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        patch.setenv("WEB", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def team(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """PostgreSQL at ``db.example.org`` with the administrator ``postgres``, and S3 with the bucket ``ml-team``.

    Whoever reads is ``anna`` on the database, unless they say otherwise.
    """
    import psycopg

    from forebear.store.shared import close_stores

    home = Path(os.environ["HOME"])
    # Clients of PostgreSQL that are installed are no older than a server that is; else both are of the wheel.
    patch.setenv("PATH", f"{os.environ['PATH']}:{servers.postgres_wheel()}")
    with servers.postgres(own=True) as database, servers.rclone_s3(home / "s3") as s3:
        (home / "s3" / "data" / "ml-team").mkdir()
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("CREATE ROLE postgres SUPERUSER LOGIN PASSWORD 'secret'")
        (home / ".pgpass").write_text("*:*:*:postgres:secret\n")
        (home / ".pgpass").chmod(0o600)
        # libpq goes to this address whatever the name of the host.
        given = {
            "PGHOSTADDR": "127.0.0.1",
            "PGPORT": str(urlsplit(database.url).port),
            "PGUSER": "anna",
            **s3.environment,
        }
        for name, value in given.items():
            patch.setenv(name, value)
        yield
        close_stores()
    forget_filesystems()


def forget_filesystems() -> None:
    """Let no file system of a server that is gone be found again by its options."""
    from fsspec.registry import _registry

    for kind in list(_registry.values()):
        kind.clear_instance_cache()


SERVERS: dict[str, Callable[[pytest.MonkeyPatch], contextlib.AbstractContextManager[None]]] = {
    "s3": s3,
    "http": http,
    "team": team,
}


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    from forebear.api.filesystem import ForebearFileSystem
    from forebear.store.shared import close_stores
    from forebear.tracking.current import active_runs

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with contextlib.ExitStack() as servers:
        yield Reader(monkeypatch, servers)
        for run in active_runs():
            run.finish()
        close_stores()
    ForebearFileSystem.clear_instance_cache()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_run(page: Path, reader: Reader):
    text = page.read_text(encoding="utf-8")
    if GENERATED in text:
        return
    reader.follow_all(text)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_fences_and_links_are_sound(page: Path):
    text = page.read_text(encoding="utf-8")
    fences = [block for block in blocks_of(text) if not block.kind.startswith("test:")]
    plain = COMMENT.sub("", text)
    assert len(re.findall(r"^ *```", plain, re.MULTILINE)) == 2 * len(fences), "a fence is left open"
    assert {block.kind for block in fences} <= LANGUAGES, "each block names a language that this test knows"
    for target in LINK.findall(FENCE.sub("", plain)):
        if "://" not in target and not target.startswith(("#", "mailto:")):
            place, _, anchor = unquote(target).partition("#")
            assert (page.parent / place).exists(), f"{name_of(page)} links to {target}, which is not there"
            if anchor:
                assert anchor in anchors_of(page.parent / place), f"{name_of(page)} links to {target}: no such heading"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a forge gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in LINK.findall(index.read_text("utf-8"))}
    missing = [name_of(page) for page in PAGES if page != ROOT / "README.md" and page not in {index, *linked}]
    assert not missing, "docs/README.md does not name these pages"


# -- the test itself ----------------------------------------------------------------------------------------------


def test_a_page_is_followed_in_order(reader: Reader):
    page = (
        "<!-- test:run bash\nmkdir below; echo 5 > below/n\n-->\n"
        "```bash\ncd below\nexport WORD=hello\n```\n"
        "```python\nimport os, pathlib\nn = int(pathlib.Path('n').read_text())\n```\n"
        "```python\nprint(os.environ['WORD'], n + 1)\n```\n\n```text\nhello …\n```\n"
        "```console\n$ echo a; echo b\na\nb\n$ false # exits with 1\n```\n"
    )
    reader.follow_all(page)


@pytest.mark.parametrize(
    "page",
    [
        "```bash\nfalse\n```\n",
        "```python\nraise KeyError\n```\n",
        "```python\nprint('this')\n```\n```text\nthat\n```\n",
        "```console\n$ echo this\nthat\n```\n",
        "```console\n$ true # exits with 3\n```\n",
        "```json\n{1}\n```\n",
        "<!-- test:wish for more -->\n",
    ],
)
def test_a_page_that_is_wrong_fails(reader: Reader, page: str):
    with pytest.raises((AssertionError, KeyError, ValueError)):
        reader.follow_all(page)
