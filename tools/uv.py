"""Run a pinned uv that lives inside the checkout: ``python tools/uv.py sync --frozen``.

uv is installed from the package index that pip uses on this machine, into ``.cache/tools``, the first time and after
the pin moves. All that it downloads or builds stays below ``.cache``; HOME is neither read for caches nor written.
Needs the standard library alone.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

UV_VERSION = "0.13.9"
#: Fetched only where Python came without ensurepip, as it does from Debian's python3 package.
PIP_WHEEL = (
    "https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/"
    "pip-26.3-py3-none-any.whl"
)
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache"
TOOLS = CACHE / "tools"
UV = TOOLS / "bin" / "uv"


def main(arguments: list[str]) -> int:
    """Install uv when it is missing or old, then run it; return its exit status."""
    given = environment()
    if not _is_current():
        _install(given)
    return subprocess.run([str(UV), *arguments], env=given | trust(), check=False).returncode


def _is_current() -> bool:
    stamp = TOOLS / f"uv-{UV_VERSION}"
    return UV.exists() and stamp.exists()


def environment() -> dict[str, str]:
    """Return the environment in which tools keep all they write below ``.cache``."""
    temporary = CACHE / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    given = dict(os.environ)
    # An activated environment would make uv warn on every call that it uses another one.
    given.pop("VIRTUAL_ENV", None)
    given.update(
        UV_CACHE_DIR=str(CACHE / "uv"),
        UV_PYTHON_DOWNLOADS="never",
        UV_PROJECT_ENVIRONMENT=str(ROOT / ".venv"),
        PIP_CACHE_DIR=str(CACHE / "pip"),
        PIP_DISABLE_PIP_VERSION_CHECK="1",
        PIP_REQUIRE_VIRTUALENV="0",
        PIP_USER="0",
        TMPDIR=str(temporary),
    )
    return given


def trust() -> dict[str, str]:
    """Let uv trust whom pip trusts: it reads neither pip's variables nor its files, and knows only its own roots."""
    if os.environ.get("SSL_CERT_FILE"):
        return {}
    if certificates := os.environ.get("PIP_CERT"):
        return {"SSL_CERT_FILE": certificates}
    pip = [str(TOOLS / "bin" / "python"), "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True, check=False).stdout
    if found := re.findall(r"^(?:global|install)\.cert='(.+)'$", listed, re.MULTILINE):
        return {"SSL_CERT_FILE": found[-1]}
    system = ssl.get_default_verify_paths()
    known = system.cafile or (system.capath and os.listdir(system.capath))
    return {"UV_SYSTEM_CERTS": "true"} if known else {}


def _install(environment: dict[str, str]) -> None:
    print(f"installing uv {UV_VERSION} into {TOOLS.relative_to(ROOT)}", file=sys.stderr)
    shutil.rmtree(TOOLS, ignore_errors=True)
    # pip asks rustc for its version, and the rustc that rustup puts in its place would make a folder in HOME.
    environment = {"RUSTUP_HOME": str(CACHE / "rustup")} | environment
    pip = _make_tools(environment)
    wanted = [*pip, "install", "--quiet", "--no-deps", f"uv=={UV_VERSION}"]
    subprocess.run(wanted, env=environment, check=True)
    (TOOLS / f"uv-{UV_VERSION}").touch()


def _make_tools(environment: dict[str, str]) -> list[str]:
    """Make the virtual environment for tools; return the command that is its pip."""
    venv = [sys.executable, "-m", "venv", str(TOOLS)]
    python = str(TOOLS / "bin" / "python")
    if subprocess.run(venv, env=environment, capture_output=True, check=False).returncode == 0:
        return [python, "-m", "pip"]
    print("this Python has no ensurepip; fetching pip from PyPI instead", file=sys.stderr)
    shutil.rmtree(TOOLS, ignore_errors=True)
    subprocess.run([*venv, "--without-pip"], env=environment, check=True)
    wheel = _fetch_pip(TOOLS)
    # A wheel is an archive that Python can run from, so pip can install itself.
    subprocess.run(
        [python, f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], env=environment, check=True
    )
    return [python, "-m", "pip"]


def _fetch_pip(folder: Path) -> Path:
    with urllib.request.urlopen(PIP_WHEEL, timeout=60) as answer:
        content = answer.read()
    if hashlib.sha256(content).hexdigest() != PIP_SHA256:
        raise SystemExit(f"{PIP_WHEEL} has not the content it should have; nothing was installed")
    wheel = Path(tempfile.mkdtemp(dir=folder)) / PIP_WHEEL.rpartition("/")[2]
    wheel.write_bytes(content)
    return wheel


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except (OSError, subprocess.CalledProcessError) as err:
        raise SystemExit(f"could not set up uv {UV_VERSION}: {err}") from err
