"""Taking secrets out of what is written down."""

from __future__ import annotations

import re
from collections.abc import Iterable

HIDDEN = "***"

_SECRET_WORD = r"(?:token|key|secret|password|passwd|passphrase|credential|auth)s?"
#: ``--api-key=abc`` and ``AWS_SECRET=abc``: the name ends in a word that means a secret.
_ASSIGNED = re.compile(rf"(?i)^([-+]{{0,2}}[\w.-]*{_SECRET_WORD})=(.+)$", re.DOTALL)
#: ``--password`` with the secret as the next word.
_OPTION = re.compile(rf"(?i)^--?[\w.-]*{_SECRET_WORD}$")
#: ``https://user:secret@host``: everything before the last ``@`` of the host part, for secrets may hold one too.
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s]+@")
#: ``Authorization: Bearer …``.
_HEADER = re.compile(r"(?i)((?:authorization:\s*\w+|\bbearer)\s+)[\w.~+/=-]+")
#: ``?sig=…``, ``&X-Amz-Signature=…``, ``&token=…`` in a URL.
_QUERY = re.compile(rf"(?i)([?&](?:sig|[\w.-]*signature|[\w.-]*{_SECRET_WORD})=)[^&\s#]+")


def redact_text(text: str) -> str:
    """Return text with credentials of URLs hidden."""
    hidden = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    return _HEADER.sub(rf"\1{HIDDEN}", _QUERY.sub(rf"\1{HIDDEN}", hidden))


def redact_command(words: Iterable[str]) -> tuple[str, ...]:
    """Return a command line with the values of secret options and the credentials of URLs hidden."""
    shown = []
    secret_follows = False
    for word in words:
        if secret_follows and not word.startswith("-"):
            shown.append(HIDDEN)
        elif match := _ASSIGNED.match(word):
            shown.append(f"{match.group(1)}={HIDDEN}")
        else:
            shown.append(redact_text(word))
        secret_follows = bool(_OPTION.match(word))
    return tuple(shown)
