"""Taking secrets out of what is written down, and finding those that were.

What a text means is not known, so there are three degrees. `redact_command` knows that words are options. `redact_text`
hides what has the form of a secret: credentials in URLs and headers, and keys whose makers gave them a form.
`redact_output` also hides what stands behind a name such as ``password=``, which in code would hide too much.
`secrets_in` finds in what was written long ago what `redact_output` would hide, and `secret_named` what has the name
of a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

HIDDEN = "***"

_SECRET_WORD = r"(?:token|key|secret|password|passwd|passphrase|credential|auth)s?"
#: ``--api-key=abc`` and ``AWS_SECRET=abc``: the name ends in a word that means a secret.
_ASSIGNED = re.compile(rf"(?i)^([-+]{{0,2}}[\w.-]*{_SECRET_WORD})=(.+)$", re.DOTALL)
#: What stands behind names like ``max_tokens`` and ``use_auth`` far more often than a secret.
_NO_SECRET = re.compile(r"(?i)[-+]?[\d_.,]{1,9}(?:e[-+]?\d+)?|true|false|yes|no|on|off|none|null|auto|")
_NEVER_PLAIN = re.compile(r"(?i)passw|passphrase|secret|credential")
#: ``--password`` with the secret as the next word.
_OPTION = re.compile(rf"(?i)^--?[\w.-]*{_SECRET_WORD}$")
#: Names of settings. A plain ``key`` or ``token`` is mostly none: a column, a part of a text.
_SECRET_NAME = re.compile(
    r"(?i)passw(?:or)?d|passphrase|secret|credential|(?:api|access|private|account|auth|encryption|signing)[_-]?key"
    r"|(?:auth|access|api|bearer|hf|hub|refresh|session|wandb|github|git)[_-]?token\Z|\btoken\Z"
)
#: ``curl -u user:secret``, where the next word holds it.
_USER_OPTION = re.compile(r"(?:-u|--(?:proxy-)?user)\Z")
_USER_AND_SECRET = re.compile(r"([^\s:/]+:)(?!/)\S+\Z")
#: ``https://user:secret@host``: everything before the last ``@`` of the host part, for secrets may hold one too.
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/?#\s]+@")
#: ``Authorization: Bearer …``.
_HEADER = re.compile(r"(?i)((?:authorization:\s*\w+|\bbearer)\s+)[\w.~+/=-]+")
#: ``?sig=…``, ``&X-Amz-Signature=…``, ``&token=…`` in a URL.
_QUERY = re.compile(rf"(?i)([?&](?:sig|[\w.-]*signature|[\w.-]*{_SECRET_WORD})=)[^&\s#'\"]+")


#: ``AccountKey=…`` of the connection strings of Azure.
_CONNECTION = re.compile(r"(?i)\b((?:account|shared_?access)_?key=)[\w+/=%-]{8,}")
#: Keys that carry the mark of their maker: AWS, GitHub, GitLab, Hugging Face, OpenAI and its kin, Slack, Google,
#: PyPI, npm, Stripe, W&B, Groq, xAI, NVIDIA, Replicate, Databricks, Docker, SendGrid, and JSON web tokens.
_MARKED = re.compile(
    r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|hf_[A-Za-z0-9]{20,}"
    r"|sk-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{30,}|pypi-[\w-]{40,}|npm_[A-Za-z0-9]{30,}"
    r"|ya29\.[\w-]{20,}|wandb_v\d_\w{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|nvapi-[\w-]{20,}"
    r"|r8_[A-Za-z0-9]{20,}|dapi[0-9a-f]{32}|dckr_pat_[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}"
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
    "ya29.",
    "wandb_v",
    "xai-",
    "nvapi-",
    "r8_",
    "dapi",
    "dckr_pat_",
    "SG.",
)
_NAMES = ("key", "token", "secret", "passw", "passphrase", "credential")


def redact_text(text: str) -> str:
    """Return text without credentials of URLs and headers, and without keys that can be told by their form."""
    if "://" in text:
        text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    if "=" in text and ("?" in text or "&" in text):
        text = _QUERY.sub(rf"\1{HIDDEN}", text)
    lower = text.lower()
    if "key=" in lower:
        text = _CONNECTION.sub(rf"\1{HIDDEN}", text)
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
    """Return a command line with the values of secret options, and whatever `redact_output` hides, hidden."""
    shown = []
    before = ""
    for word in words:
        if _OPTION.match(before) and not word.startswith("-") and not _is_plain(before, word):
            shown.append(HIDDEN)
        elif _USER_OPTION.match(before) and (match := _USER_AND_SECRET.match(word)):
            shown.append(f"{match[1]}{HIDDEN}")
        elif (match := _ASSIGNED.match(word)) and not _is_plain(match[1], match[2]):
            shown.append(f"{match.group(1)}={HIDDEN}")
        elif match:
            shown.append(word)
        else:
            shown.append(redact_output(word))
        before = word
    return tuple(shown)


def _is_plain(name: str, value: str) -> bool:
    """Whether a value is a number or a switch, whatever its name says; of a password nothing is taken for that."""
    return bool(_NO_SECRET.fullmatch(value)) and not _NEVER_PLAIN.search(name)


# -- finding ----------------------------------------------------------------------------------------------------------


class Secret(NamedTuple):
    """A secret that was found. Printing one shows no more than its first characters.

    Attributes:
        what: What it is, for people.
        text: The secret itself.
    """

    what: str
    text: str

    @property
    def shown(self) -> str:
        """What may be shown of it: enough to know again which key it is, where it is long and has a maker's mark."""
        kept = self.text[:4] if _MARKED.fullmatch(self.text) else ""
        return f"{kept}{HIDDEN} ({len(self.text)} characters)"

    def __repr__(self) -> str:
        """Show no more than `shown`."""
        return f"<Secret {self.what}: {self.shown}>"


_KEY_OF_A_MAKER, _PRIVATE = "a key by its form", "a private key"
#: What each pattern finds; where it has a part before the secret, that part is its first group.
_FINDERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("credentials in a URL", _USERINFO),
    ("a signature or token in a URL", _QUERY),
    ("an authorization header", _HEADER),
    ("a key in a connection string", _CONNECTION),
    ("a value named like a secret", _NAMED),
    ("a value named like a secret", _ENVIRONMENT),
)
#: Who stands alone before the ``@`` of a URL is mostly a user.
_USER_ALONE = re.compile(r"[A-Za-z][\w.-]{0,19}\Z")
#: Not a secret but where it is taken from, or that there is none.
_PLACEHOLDER = re.compile(r"\$|<.*>\Z|\{.*\}\Z|\*+\Z|(?i:x+|none|null|changeme|your[-_ ].*|env:.*|redacted|hidden)\Z")


def secrets_in(text: str) -> Iterator[Secret]:
    """Yield the secrets of a text, each place once. Cost: as `redact_output`."""
    if redact_output(text) == text:
        return
    for found in _PRIVATE_KEY.finditer(text):
        yield Secret(_PRIVATE, found[0])
    rest = _PRIVATE_KEY.sub(" ", text)
    for found in _MARKED.finditer(rest):
        yield Secret(_KEY_OF_A_MAKER, found[0])
    rest = _MARKED.sub(HIDDEN, rest)
    for what, pattern in _FINDERS:
        for found in pattern.finditer(rest):
            value = found[0][len(found[1]) :].strip("\"' @")
            alone = pattern is _USERINFO and _USER_ALONE.match(value)
            if value and HIDDEN not in value and not alone and not _PLACEHOLDER.match(value):
                yield Secret(what, value)
        rest = pattern.sub(rf"\1{HIDDEN} ", rest)


def secret_named(name: str, value: str) -> Secret | None:
    """Return a value as a secret where its name, such as ``openai.api_key``, says that it is one."""
    last = name.rpartition(".")[2]
    if not _SECRET_NAME.search(last) or _is_plain(last, value) or HIDDEN in value or _PLACEHOLDER.match(value):
        return None
    # A place or a name of something is no secret itself.
    if any(sign in value for sign in ("/", " ", "\n")) and not _NEVER_PLAIN.search(last):
        return None
    return Secret("a value named like a secret", value)
