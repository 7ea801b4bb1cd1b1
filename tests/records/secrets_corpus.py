"""Secrets that were never anybody's, in the forms in which real ones come, and texts that only look like them.

Each is made here: the prefix is that of a maker, the rest is counted off.
"""

from __future__ import annotations

import random
import string
from typing import NamedTuple

_LETTERS = string.ascii_letters + string.digits


def made_up(length: int, alphabet: str = _LETTERS, seed: int = 7) -> str:
    """Characters by a fixed count, so that no scanner of repositories takes them for a key of somebody."""
    return "".join(random.Random(seed + length).choices(alphabet, k=length))


PASSWORD = "hunter2" + made_up(5)
#: Keys by maker.
KEYS: dict[str, str] = {
    "AWS access key": "AKIA" + made_up(16, string.ascii_uppercase + string.digits),
    "AWS session key": "ASIA" + made_up(16, string.ascii_uppercase + string.digits),
    "GitHub": "ghp_" + made_up(36),
    "GitHub app": "ghs_" + made_up(36),
    "GitHub fine-grained": "github_pat_" + made_up(22) + "_" + made_up(59),
    "GitLab": "glpat-" + made_up(20),
    "Hugging Face": "hf_" + made_up(34),
    "OpenAI": "sk-proj-" + made_up(48),
    "Anthropic": "sk-ant-api03-" + made_up(60),
    "W&B": "wandb_v1_" + made_up(40),
    "Slack": "xoxb-" + made_up(12, string.digits) + "-" + made_up(24),
    "Google": "AIza" + made_up(35),
    "Google OAuth": "ya29." + made_up(60),
    "PyPI": "pypi-" + made_up(60),
    "npm": "npm_" + made_up(36),
    "Stripe": "sk_live_" + made_up(24),
    "Groq": "gsk_" + made_up(52),
    "xAI": "xai-" + made_up(60),
    "NVIDIA": "nvapi-" + made_up(64),
    "Replicate": "r8_" + made_up(37),
    "Databricks": "dapi" + made_up(32, "0123456789abcdef"),
    "Docker": "dckr_pat_" + made_up(27),
    "SendGrid": "SG." + made_up(22) + "." + made_up(43),
    "JSON web token": "eyJ" + made_up(20) + ".eyJ" + made_up(40) + "." + made_up(43),
}
_HEX = made_up(40, "0123456789abcdef")
_BASE64 = made_up(86, _LETTERS + "+/") + "=="


class Sample(NamedTuple):
    """A text, and what of it nobody may read."""

    text: str
    secret: str


#: Secrets that stand in texts, told by what is around them.
TEXTS: list[Sample] = [
    *(Sample(f"using {key} now", key) for key in KEYS.values()),
    *(Sample(f'{{"k": "{key}"}}', key) for key in KEYS.values()),
    *(Sample(f"https://host/path/{key}/x", key) for key in KEYS.values()),
    Sample(f"https://ada:{PASSWORD}@host/path", PASSWORD),
    Sample(f"https://{KEYS['GitHub']}@github.com/org/repo.git", KEYS["GitHub"]),
    Sample(f"https://oauth2:{PASSWORD}@gitlab.com/org/repo.git", PASSWORD),
    Sample(f"https://x-access-token:{_HEX}@github.com/org/repo", _HEX),
    Sample(f"ssh://git:{PASSWORD}@host:22/repo.git", PASSWORD),
    Sample(f"postgresql://ada:{PASSWORD}@db:5432/runs?sslmode=require", PASSWORD),
    Sample(f"postgresql+psycopg://ada:p@{PASSWORD}@db/runs", PASSWORD),
    Sample(f"mysql://root:{PASSWORD}@127.0.0.1", PASSWORD),
    Sample(f"redis://:{PASSWORD}@cache:6379/0", PASSWORD),
    Sample(f"amqp://guest:{PASSWORD}@mq//", PASSWORD),
    Sample(f"mongodb+srv://ada:{PASSWORD}@cluster0.example.net/?retryWrites=true", PASSWORD),
    Sample(f"s3://key:{PASSWORD}@bucket/x", PASSWORD),
    Sample(f"https://bucket.s3.amazonaws.com/x?X-Amz-Algorithm=A&X-Amz-Signature={_HEX}&X-Amz-Expires=9", _HEX),
    Sample(f"https://b.s3.amazonaws.com/x?X-Amz-Credential={_HEX}%2F20260101%2Fus&a=1", _HEX),
    Sample(f"https://b.s3.amazonaws.com/x?X-Amz-Security-Token={_HEX}", _HEX),
    Sample(f"https://storage.googleapis.com/b/x?X-Goog-Signature={_HEX}#part", _HEX),
    Sample(f"https://acct.blob.core.windows.net/c/x?sv=2026&sig={_HEX}%3D&se=1", _HEX),
    Sample(f"https://host/x?token={_HEX}", _HEX),
    Sample(f"https://host/x?a=1&api_key={_HEX}", _HEX),
    Sample(f"https://host/x?access_token={_HEX}&b=2", _HEX),
    Sample(f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={_BASE64};EndpointSuffix=x", _BASE64),
    Sample(f"Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey={_BASE64}", _BASE64),
    Sample(f"Authorization: Bearer {_HEX}", _HEX),
    Sample(f"authorization: basic {_HEX}==", _HEX),
    Sample(f"'Authorization': Bearer {_HEX}", _HEX),
    Sample(f"curl -H 'X-Api-Key: {_HEX}' https://host", _HEX),
    Sample(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_BASE64}\n-----END OPENSSH PRIVATE KEY-----", _BASE64),
    Sample(f"password={PASSWORD}", PASSWORD),
    Sample(f'"password": "{PASSWORD}"', PASSWORD),
    Sample(f"db_passwd: '{PASSWORD}'", PASSWORD),
    Sample(f"WANDB_API_KEY={_HEX}", _HEX),
    Sample(f"AWS_SECRET_ACCESS_KEY={_HEX}", _HEX),
    Sample(f"HF_TOKEN={_HEX}", _HEX),
    Sample(f"environ({{'OPENAI_API_KEY': '{_HEX}'}})", _HEX),
    Sample(f"DEPLOY_KEY: {_HEX}", _HEX),
    Sample(f"client_secret={PASSWORD}&x=1", PASSWORD),
    Sample(f"two in a line: https://a:{PASSWORD}@h and token {KEYS['Slack']}", PASSWORD),
]

#: Command lines: the words, and what nobody may read.
COMMANDS: list[tuple[list[str], str]] = [
    (["train.py", "--api-key", _HEX], _HEX),
    (["train.py", f"--api-key={_HEX}"], _HEX),
    (["train.py", f"--hf_token={_HEX}", "--lr=0.1"], _HEX),
    (["train.py", "--token", _HEX, "x"], _HEX),
    (["train.py", "--password", "1234"], "1234"),
    (["train.py", "--db.password=0"], "=0"),
    (["train.py", f"++trainer.secret={PASSWORD}"], PASSWORD),
    (["env", f"AWS_SECRET_ACCESS_KEY={_HEX}", "python", "t.py"], _HEX),
    (["train.py", f"--store=postgresql://ada:{PASSWORD}@db/x?blobs=s3://b"], PASSWORD),
    (["train.py", f'--config={{"api_key": "{_HEX}", "lr": 1}}'], _HEX),
    (["curl", "-u", f"ada:{PASSWORD}", "https://host"], PASSWORD),
    (["curl", "-H", f"Authorization: Bearer {_HEX}", "https://host"], _HEX),
    (["curl", "--header", f"X-Api-Key: {_HEX}"], _HEX),
    (["python", "-c", f"login(token='{KEYS['Hugging Face']}')"], KEYS["Hugging Face"]),
    *((["train.py", "--key-of-somebody", key], key) for key in KEYS.values()),
]

#: Texts of experiments that nobody wants to see blanked.
HARMLESS = [
    "Epoch 3: 45% loss=0.1234 tokens=1024 key=3",
    "https://github.com/org/repo.git",
    "git@github.com:org/repo.git",
    "ssh://git@github.com/org/repo",
    "s3://bucket/prefix/key.csv?versionId=abc",
    "https://host/path?page=2&sort_by=key",
    "team/mnist/digits:production@2026-01-01T00:00",
    "9b2f7c1e5d3a4b6c8d0e1f2a3b4c5d6e7f809a1b",
    "sha256:9b2f7c1e5d3a4b6c8d0e1f2a3b4c5d6e7f809a1b9b2f7c1e5d3a4b6c8d0e1f2a",
    "the secret of success is practice",
    "key: value",
    "author: somebody, authority: none",
    "PAD_TOKEN: [PAD]",
    "num_tokens: 512",
    "passwords are never logged",
    "sketch ghost hf_x skip eyJ SG. r8_ dapi",
]

#: Command lines that stay as they are.
PLAIN_COMMANDS = [
    ["train.py", "--max_tokens=512", "--n-tokens", "1e6", "--use_auth=true"],
    ["train.py", "--sort-key", "3", "--lr", "0.1", "--author=me"],
    ["python", "-u", "train.py", "--data", "s3://b/k"],
    ["train.py", "--token-file", "/run/secrets.txt", "--keyboard=qwerty"],
]

#: Settings by their dotted key: which are secrets.
NAMED_SECRETS: dict[str, str] = {
    "api_key": _HEX,
    "openai.api_key": _HEX,
    "db.password": "pw1",
    "db.passwd": "correct horse battery staple",
    "aws_secret_access_key": _HEX,
    "hub_token": _HEX,
    "client_secret": PASSWORD,
    "credentials": PASSWORD,
    "ENCRYPTION_KEY": _HEX,
}
NAMED_HARMLESS: dict[str, str] = {
    "key": "value",
    "sort_key": "name",
    "tokenizer": "bert-base-uncased",
    "pad_token": "[PAD]",
    "bos_token": "<s>",
    "max_tokens": "512",
    "api_key": "$OPENAI_API_KEY",
    "password": "***",
    "hub_token": "none",
    "access_key": "<from the environment>",
    "credentials": "${oc.env:CREDS}",
    "api_key_file": "/run/secrets/key",
}
