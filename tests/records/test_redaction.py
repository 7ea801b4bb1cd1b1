"""No secret of a command line, an address or an output is written down; what is no secret stays readable."""

from __future__ import annotations

import time

import pytest

from forebear.blobs.remote_failures import Doing, Redactor, failure
from forebear.records.redaction import redact_command, redact_output, redact_text, secret_named, secrets_in
from tests.records import secrets_corpus as corpus

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


#: Made up, in the form that each maker gives its keys.
MARKED = [
    "AKIA" + "ABCDEFGH12345678",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2_" * 8,
    "glpat-" + "a1B2" * 5,
    "hf_" + "aBcD" * 8,
    "sk-" + "proj-" + "a1B2" * 10,
    "xoxb-" + "1234567890-abcdef",
    "AIza" + "a1B2" * 9,
    "pypi-" + "a1B2" * 12,
    "npm_" + "a1B2" * 9,
    "sk_live_" + "a1B2" * 6,
    "eyJhbGciOiJ9" + "." + "eyJzdWIiOiIx" + "." + "c2lnbmF0dXJl",
]


@pytest.mark.parametrize("key", MARKED)
def test_keys_are_told_by_the_mark_of_their_maker(key: str) -> None:
    for text in (key, f"login with {key}, please", f'{{"x": "{key}"}}', f"https://host/{key}/x"):
        shown = redact_text(text)
        assert key not in shown
        assert shown == text.replace(key, "***")
        assert key not in " ".join(redact_command(["train.py", text]))


def test_a_private_key_is_hidden_with_all_its_lines() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----"
    assert redact_text(f"a\n{key}\nb") == ("a\n-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----\nb")
    assert redact_text("-----BEGIN PRIVATE KEY-----\nMIIE\nabc") == "-----BEGIN PRIVATE KEY-----***"


SECRET_OUTPUT = [
    f"password={SECRET}",
    f"Password: {SECRET}",
    f"db_passwd = '{SECRET} {SECRET}'",
    f'{{"api_key": "{SECRET}", "n": 1}}',
    f"{{'AWS_SECRET_ACCESS_KEY': '{SECRET}'}}",
    f"WANDB_API_KEY={SECRET}",
    f"client-secret: {SECRET}",
    f"auth_token={SECRET}&x=1",
    f"MY_SERVICE_TOKEN={SECRET}{SECRET}{SECRET}",
    f"environ({{'DEPLOY_KEY': '{SECRET}/{SECRET}+{SECRET}=='}})",
    f"curl -H 'Authorization: Bearer {SECRET}' https://host",
    f"git remote: https://me:{SECRET}@github.com/me/x.git",
]

HARMLESS_OUTPUT = [
    "Epoch 3: 45% loss=0.1234 tokens=1024 key=3",
    "num_tokens: 5, max_token=512",
    "PAD_TOKEN: [PAD] MASK_TOKEN=<mask>",
    "sorted(rows, key=lambda row: row.name)",
    "the secret of success",
    "tokens/s: 12345.6",
    "https://host/path?page=2&size=3",
    "author: somebody",
    "sketch ghost hf_x skip eyJ",
    "risk-averse",
]


@pytest.mark.parametrize("text", SECRET_OUTPUT)
def test_a_secret_in_an_output_is_hidden(text: str) -> None:
    shown = redact_output(text)
    assert SECRET not in shown
    assert redact_output(shown) == shown
    assert SECRET not in redact_output(f"before\n{text}\nafter")
    assert redact_output(f"before\n{text}\nafter").endswith("\nafter")


@pytest.mark.parametrize("text", HARMLESS_OUTPUT)
def test_an_output_without_secrets_stays(text: str) -> None:
    assert redact_output(text) == text


def test_code_is_not_taken_for_secrets() -> None:
    code = "+password = getpass.getpass()\n-    api_key = os.environ['KEY']\n+    tokenizer.pad_token = x\n"
    assert redact_text(code) == code


# -- the corpus -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", corpus.TEXTS, ids=lambda sample: sample.text[:40])
def test_no_secret_of_the_corpus_is_written_down(sample: corpus.Sample) -> None:
    shown = redact_output(sample.text)
    assert sample.secret not in shown
    assert redact_output(shown) == shown


@pytest.mark.parametrize("sample", corpus.TEXTS, ids=lambda sample: sample.text[:40])
def test_each_secret_of_the_corpus_is_found_and_never_shown(sample: corpus.Sample) -> None:
    found = list(secrets_in(sample.text))
    assert any(sample.secret in secret.text or secret.text in sample.secret for secret in found)
    for secret in found:
        assert sample.secret not in secret.shown + repr(secret)
        assert sample.secret[8:] not in secret.shown + repr(secret)
    assert list(secrets_in(redact_output(sample.text))) == []


@pytest.mark.parametrize(("words", "secret"), corpus.COMMANDS, ids=lambda part: str(part)[:50])
def test_no_secret_of_a_command_is_written_down(words: list[str], secret: str) -> None:
    shown = redact_command(words)
    assert secret not in " ".join(shown)
    assert len(shown) == len(words)
    assert redact_command(shown) == shown


@pytest.mark.parametrize("text", corpus.HARMLESS)
def test_what_experiments_say_is_left_alone(text: str) -> None:
    assert list(secrets_in(text)) == []
    if "git@" not in text:  # who hides users of URLs hides git, too
        assert redact_output(text) == text


@pytest.mark.parametrize("words", corpus.PLAIN_COMMANDS, ids=str)
def test_numbers_and_switches_are_no_secrets(words: list[str]) -> None:
    assert redact_command(words) == tuple(words)


@pytest.mark.parametrize("name", corpus.NAMED_SECRETS)
def test_a_setting_is_a_secret_by_its_name(name: str) -> None:
    value = corpus.NAMED_SECRETS[name]
    found = secret_named(name, value)
    assert found is not None
    assert found.text == value
    assert value not in found.shown


@pytest.mark.parametrize("name", corpus.NAMED_HARMLESS)
def test_a_setting_that_only_sounds_like_one_is_none(name: str) -> None:
    assert secret_named(name, corpus.NAMED_HARMLESS[name]) is None


@pytest.mark.parametrize("sample", corpus.TEXTS, ids=lambda sample: sample.text[:40])
def test_what_libraries_say_of_requests_is_redacted_in_the_same_way(sample: corpus.Sample) -> None:
    told = failure(OSError(sample.text), Doing("read", "s3://b/k", "s3", "b"), Redactor({}))
    assert sample.secret not in str(told)


def test_an_endless_text_is_searched_in_a_moment() -> None:
    for piece in (
        "a://",
        "key=",
        "x@",
        "bearer ",
        "eyJa.",
        '"password":',
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "&sig=",
    ):
        text = piece * (200_000 // len(piece))
        begun = time.perf_counter()
        redact_output(text)
        assert time.perf_counter() - begun < 5, piece
