"""No secret of a command line is written down; what is no secret stays readable."""

from __future__ import annotations

import pytest

from forebear.tracking.redaction import redact_command, redact_text

#: What no output may hold.
SECRET = "hunter2"

SECRET_WORDS = [
    f"--api-key={SECRET}",
    f"--api_key={SECRET}",
    f"--token={SECRET}",
    f"-token={SECRET}",
    f"--db.password={SECRET}",
    f"++trainer.auth={SECRET}",
    f"AWS_SECRET_ACCESS_KEY={SECRET}",
    f"HF_TOKEN={SECRET}",
    f"secret={SECRET} and more of {SECRET}",
    f"passphrase={SECRET}\n{SECRET}",
    f"https://user:{SECRET}@host/path",
    f"https://{SECRET}@github.com/org/repo.git",
    f"postgresql://user:{SECRET}@host:5432/db",
    f"postgresql://user:p@{SECRET}@host/db",
    f"postgresql+psycopg://u:{SECRET}@h/db",
    f"--url=s3://key:{SECRET}@bucket/x",
    f"--store postgresql://user:{SECRET}@host/db",
    f"https://host/x?token={SECRET}",
    f"https://host/x?a=1&X-Amz-Signature={SECRET}&b=2",
    f"https://host/x?sig={SECRET}#frag",
    f"https://host/x?api_key={SECRET}",
    f"Authorization: Bearer {SECRET}",
    f"-HAuthorization: Basic {SECRET}=",
    f"a=https://u:{SECRET}@h b=https://v:{SECRET}@h",
]

HARMLESS_WORDS = [
    "train.py",
    "--lr=0.1",
    "--epochs",
    "10",
    "https://host/path?page=2",
    "https://host:8080/a@b",
    "user@host:path",
    "s3://bucket/key.csv",
    "--author=me",
    "--keyboard=qwerty",
    "postgresql://host/db",
    "--note=basic training",
    "",
    "--",
    "data/token.txt",
]


@pytest.mark.parametrize("word", SECRET_WORDS)
def test_a_secret_is_hidden(word: str) -> None:
    (shown,) = redact_command([word])
    assert SECRET not in shown
    assert "***" in shown
    assert redact_command([shown]) == (shown,)


@pytest.mark.parametrize("word", HARMLESS_WORDS)
def test_what_is_no_secret_stays(word: str) -> None:
    assert redact_command([word]) == (word,)


@pytest.mark.parametrize("option", ["--password", "--api-key", "-token", "--hf.token", "--client_secret", "--AUTH"])
def test_the_word_behind_a_secret_option_is_hidden(option: str) -> None:
    assert redact_command(["x", option, SECRET, "y"]) == ("x", option, "***", "y")
    assert redact_command(["x", option]) == ("x", option)
    assert redact_command(["x", option, "--verbose", "y"]) == ("x", option, "--verbose", "y")


def test_who_and_where_stay_readable() -> None:
    assert redact_text(f"postgresql://user:{SECRET}@host:5432/db?a=1") == "postgresql://***@host:5432/db?a=1"
    assert redact_command([f"--api-key={SECRET}"]) == ("--api-key=***",)
