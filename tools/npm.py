"""Install the npm packages of ``tests/npm``, by its lock file, into ``tests/npm/node_modules``.

Their caches stay below ``.cache``, no script of a package is run, and npm trusts whom pip trusts.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import sys

from uv import CACHE, ROOT, environment, trust

FOLDER = ROOT / "tests" / "npm"
WITHOUT = "tests that need npm packages are skipped"


def main() -> int:
    """Install what the lock file names; return 0 also where npm cannot, because the tests do without."""
    npm = shutil.which("npm")
    if npm is None:
        print(f"npm is not installed: {WITHOUT}", file=sys.stderr)
        return 0
    given = environment() | {"npm_config_cache": str(CACHE / "npm"), "npm_config_update_notifier": "false"}
    authority = trust().get("SSL_CERT_FILE") or given.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    if authority:
        given.setdefault("NODE_EXTRA_CA_CERTS", authority)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if subprocess.run([npm, "ci", "--prefix", str(FOLDER), *options], env=given, check=False).returncode:
        print(f"npm could not fetch its packages: {WITHOUT}", file=sys.stderr)
        return 0
    (FOLDER / "node_modules" / ".ready").touch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
