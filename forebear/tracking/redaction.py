"""Taking secrets out of what is written down.

What a text means is not known, so there are three degrees. `redact_command` knows that words are options. `redact_text`
hides what has the form of a secret: credentials in URLs and headers, and keys whose makers gave them a form.
`redact_output` also hides what stands behind a name such as ``password=``, which in code would hide too much.
"""

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


#: Keys that carry the mark of their maker: AWS, GitHub, GitLab, Hugging Face, OpenAI and its kin, Slack, Google,
#: PyPI, npm, Stripe, and JSON web tokens.
_MARKED = re.compile(
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|sk-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{30,}|pypi-[\w-]{40,}|npm_[A-Za-z0-9]{30,}"
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*)"
)
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(?:(-----END [A-Z ]*PRIVATE KEY-----)|\Z)", re.DOTALL
)
#: ``password=…``, ``"api_key": "…"``, ``AWS_SECRET_ACCESS_KEY: …``. A plain ``key`` or ``token`` is mostly none at all.
_NAMED = re.compile(
    r"""(?ix)
    (?<![a-z])
    ((?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?access[_-]?key
       |(?:auth|access|api|bearer|hf|refresh|session|secret)[_-]?token|client[_-]?secret|credentials?)
     ["']?\s{0,3}[:=]\s{0,3})
    (?!\*\*\*) (?: "(?!")[^"\n]+" | '(?!')[^'\n]+' | [^\s"',;&]+ )
    """
)
#: ``MY_TOKEN=…`` as a dump of the environment shows it; in a log of language models a short one is an entry of a
#: vocabulary.
_ENVIRONMENT = re.compile(r"""\b([A-Z][A-Z0-9_]*_(?:TOKEN|KEY)["']?\s{0,3}[:=]\s{0,3}["']?)[\w./+=-]{16,}""")
#: What every match of the patterns holds, so that most texts need no pattern at all.
_MARKS = (
    "AKIA",
    "ASIA",
    "gh",
    "github_pat_",
    "glpat-",
    "hf_",
    "sk",
    "xox",
    "AIza",
    "pypi-",
    "npm_",
    "rk_",
    "eyJ",
    "PRIVATE KEY",
)
_NAMES = ("key", "token", "secret", "passw", "passphrase", "credential")


def redact_text(text: str) -> str:
    """Return text without credentials of URLs and headers, and without keys that can be told by their form."""
    if "://" in text:
        text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    if "=" in text and ("?" in text or "&" in text):
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
    lower = text.lower()
    if "authorization" in lower or "bearer" in lower:
        text = _HEADER.sub(rf"\1{HIDDEN}", text)
    if any(mark in text for mark in _MARKS):
        text = _PRIVATE_KEY.sub(lambda found: found[1] + HIDDEN + (found[2] or ""), _MARKED.sub(HIDDEN, text))
    return text


def redact_output(text: str) -> str:
    """Return what a program printed without secrets: as `redact_text`, and without values of names such as password."""
    text = redact_text(text)
    lower = text.lower()
    if any(name in lower for name in _NAMES):
        text = _ENVIRONMENT.sub(rf"\1{HIDDEN}", _NAMED.sub(rf"\1{HIDDEN}", text))
    return text


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
