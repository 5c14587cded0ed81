import re
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain import secrets_in_text
from mesrai.domain.secrets_in_text import find_secrets, redact_secrets

# Put together here, so that no scanner takes this file for a leak.
BASE62 = "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1bC2dE3fG4hJ5kL6mN7pQ8rS9tU0vW1xY2zA3bC4dE5fG6hJ7kL8mN9pQ0rS1tU2vW3xY4z"
HEX = "3f7a9c1e5b2d8046f1a3c5e7092b4d6e8f0a1c3b5d7e9f2a4c6b8d0e1f3a5c7b9d2e4f6a8c0b1d3e5f7a9c2b4d6e8f0a1"
UPPER = "Q7ZX3KJ2MWP4RT6YV5BNHGFDSA"
KEY_BODY = (
    "MIIEowIBAAKCAQEA7bq2mZ9sPqYx4kT0vLr8\nQx4Jk2LmN8pRsTuVwXyZaBcDeFgHiJkLmNoP\nzZ9yY8xX7wW6vV5uU4tT3sS2rR1qQ0pP"
)

TOKENS = {
    "aws-access-key-id": "AKIA" + UPPER[:16].replace("3", "B").replace("0", "C"),
    "aws-secret-access-key": 'aws_secret_access_key = "' + BASE62[:40] + '"',
    "github-token": "ghp_" + BASE62[:36],
    "gitlab-token": "glpat-" + BASE62[:20],
    "slack-token": "xoxb-" + "2381947261-7719283746-" + BASE62[:24],
    "slack-webhook": "https://hooks.slack.com/services/" + "T0B7K2M9Q/B4X8Z1N6P3/" + BASE62[:24],
    "discord-webhook": "https://discord.com/api/webhooks/" + "93847562018374650/" + BASE62[:68],
    "stripe-key": "sk_live_" + BASE62[:24],
    "stripe-test-key": "sk_test_" + BASE62[:24],
    "stripe-webhook-secret": "whsec_" + BASE62[:32],
    "anthropic-key": "sk-ant-api03-" + BASE62[:80],
    "openrouter-key": "sk-or-v1-" + HEX[:64],
    "kimi-key": "sk-kimi-" + BASE62[:48],
    "openai-key": "sk-proj-" + BASE62[:48],
    "model-provider-key": "sk-" + BASE62[:48],
    "google-api-key": "AIza" + BASE62[:35],
    "google-oauth-secret": "GOCSPX-" + BASE62[:28],
    "npm-token": "npm_" + BASE62[:36],
    "pypi-token": "pypi-AgEIcHlwaS5vcmc" + BASE62[:60],
    "sendgrid-key": "SG." + BASE62[:22] + "." + BASE62[20:63],
    "twilio-key": "SK" + HEX[:32],
    "telegram-token": "8391746205:AA" + BASE62[:33],
    "discord-token": "discord = 'M" + BASE62[:24] + "." + BASE62[30:36] + "." + BASE62[40:70] + "'",
    "azure-storage-key": "AccountName=a;AccountKey=" + BASE62[:86] + "==;",
    "azure-shared-access-key": "SharedAccessKey=" + BASE62[:43] + "=",
    "azure-client-secret": "aB3" + "8Q~" + BASE62[:34],
    "cloud-token": "dop_v1_" + HEX[:64],
    "service-token": "shpat_" + HEX[:32],
    "private-key": f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----",
    "age-key": "AGE-SECRET-KEY-1" + ("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2)[:58],
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJ1aWQiOiI3ZjNhIiwicm9sZSI6IngifQ." + BASE62[:43],
    "bearer-token": "Authorization: Bearer " + BASE62[:40],
    "password-in-url": "postgres://app:hV7kq2mZ9x@db.corp.io/main",
    "hardcoded-secret": 'db_password = "hV7#kq2!mZ"',
}
# The part of each that must not be seen, where it is not the whole.
PARTS = {
    "aws-secret-access-key": BASE62[:40],
    "slack-webhook": BASE62[:24],
    "discord-webhook": BASE62[:68],
    "discord-token": BASE62[40:70],
    "azure-storage-key": BASE62[:86],
    "azure-shared-access-key": BASE62[:43],
    "private-key": KEY_BODY.split("\n")[1],
    "bearer-token": BASE62[:40],
    "password-in-url": "hV7kq2mZ9x",
    "hardcoded-secret": "hV7#kq2!mZ",
}


def codes(text: str) -> list[str]:
    return [secret.code for secret in find_secrets(text)]


@pytest.mark.parametrize("code", TOKENS)
def test_every_shape_is_found_and_taken_out(code: str) -> None:
    text = f"before\nx = 1; {TOKENS[code]}\nafter\n"
    assert codes(text) == [code]
    redacted, count = redact_secrets(text)
    assert count == 1
    assert PARTS.get(code, TOKENS[code]) not in redacted
    assert "[redacted: " in redacted
    assert redacted.startswith("before\nx = 1; ")
    assert redacted.endswith("\nafter\n")


def test_every_pattern_has_an_example() -> None:
    assert {pattern.code for pattern in secrets_in_text._patterns()} == set(TOKENS)


@pytest.mark.parametrize(
    "text",
    [
        'password = "hV7#kq2!mZ"',
        "'api_key': '" + BASE62[:32] + "'",
        '"clientSecret": "' + BASE62[:24] + '",',
        "const apiKey = `" + HEX[:40] + "`;",
        'token := "' + BASE62[:30] + '"',
        "$config['secret'] = '" + BASE62[:30] + "';",
        "'password' => 'kV9%wq3Zm',",
        "export DB_PASSWORD=" + "kV9wq3ZmT8rLx2",
        "STRIPE_API_KEY=" + BASE62[:30],
        "+    auth_token: '" + BASE62[:30] + "'",
        'password: str = "hV7#kq2!mZ"',
        'String password = "hV7#kq2!mZ";',
    ],
)
def test_secret_given_to_a_telling_name_is_found(text: str) -> None:
    assert codes(text) == ["hardcoded-secret"]


@pytest.mark.parametrize(
    "text",
    [
        # looked up, not written down
        'password = os.environ["DB_PASSWORD"]',
        'token = get_token("a8s7d6f5g4h3j2k1l0")',
        "const apiKey = process.env.API_KEY;",
        'api_key = "${API_KEY}"',
        "password: {{ vault_password }}",
        "token = '%s' % value",
        "password=$DB_PASSWORD",
        'secret = "vault:secret/data/app#key1"',
        'secret = "arn:aws:secretsmanager:eu-west-1:123:secret:abc9"',
        # placeholders
        'password = "changeme123"',
        'password = "your-password-here1"',
        'api_key = "YOUR_API_KEY_12345678"',
        'token = "xxxxxxxxxxxxxxxxxxxxxxxx"',
        'secret = "0000000000000000000000000000"',
        'token = "<your token>"',
        'password = "Password123!"',
        'api_key = "sk-..."',
        'secret_key = "django-insecure-example-8a7s6d5f4"',
        'token = "test-token-a8s7d6f5g4h3j2k1"',
        'API_KEY = "abcdefghijklmnopqrstuvwxyz012345"',
        # names, messages, addresses, hashes
        'token_url = "https://a8s7d6f5g4h3j2k1.example.org/x9y8z7"',
        'password_field = "user_password_2fa_1"',
        'passwordHint = "At least 8 characters"',
        'error.token = "auth.token.invalid.v2"',
        'tokenizer = "bert-base-uncased-v2-a1b2c3d4"',
        'token_type = "urn:ietf:params:oauth:token-type:jwt9"',
        'secret_name = "prod/db/a8s7d6f5g4h3"',
        'password_hash = "5f4dcc3b5aa765d61d8327deb882cf99"',
        'csrf_token_header = "X-CSRF-Token-V2-Id9"',
        'token = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="',
        'token_id = "3f7a9c1e-5b2d-4804-a6f1-3c5e7092b4d6"',
        'secret = "3f7a9c1e-5b2d-4804-a6f1-3c5e7092b4d6"',
        'const BeeTokenAddress = "0x36435796Ca9be2bf150CE0dECc2D8Fab5C4d6E13"',
        'if password == "hV7#kq2!mZ":',
        # not secret
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-ant-api03-your-key-here-your-key-here-your-key-here-your",
        "class='sk-circle-fade-dot sk-folding-cube-sk-cube-grid-9'",
        "postgres://user:password@localhost:5432/db",
        "postgres://app:hV7kq2mZ9x@localhost/main",
        "postgres://app:hV7kq2mZ9x@db/main",
        "redis://app:hV7kq2mZ9x@cache.example.com",
        "https://{user}:{password}@host.corp.io",
        "https://user:${PASSWORD}@host.corp.io",
        "-----BEGIN PRIVATE KEY-----",
        'if "-----BEGIN RSA PRIVATE KEY-----" in text: return parse(text)',
        "-----BEGIN PUBLIC KEY-----\n" + KEY_BODY,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV",
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
        "commit 3f7a9c1e5b2d8046f1a3c5e7092b4d6e8f0a1c3b",
        "integrity sha512-" + BASE62[:86] + "==",
    ],
)
def test_what_is_no_secret_is_let_be(text: str) -> None:
    assert codes(text) == []
    assert redact_secrets(text) == (text, 0)


def test_redacting_keeps_lines_and_what_stands_around() -> None:
    key = TOKENS["private-key"]
    diff = "\n".join("+" + line for line in ["a = 1", *key.split("\n"), f"t = '{TOKENS['github-token']}'", "b = 2"])
    redacted, count = redact_secrets(diff)
    assert (count, redacted) == (
        2,
        "+a = 1\n+[redacted: a private key]\n+[redacted]\n+[redacted]\n+[redacted]\n+[redacted]\n"
        "+t = '[redacted: a GitHub token]'\n+b = 2",
    )


def test_private_key_that_is_cut_off_is_redacted_as_far_as_it_goes() -> None:
    text = TOKENS["private-key"].rsplit("\n", 2)[0] + "\n\ndef f():\n    return 1\n"
    redacted, count = redact_secrets(text)
    assert (count, redacted) == (1, "[redacted: a private key]\n[redacted]\n[redacted]\n\ndef f():\n    return 1\n")


def test_two_secrets_on_one_line_are_two() -> None:
    line = TOKENS["github-token"] + " " + TOKENS["npm-token"]
    assert redact_secrets(line) == ("[redacted: a GitHub token] [redacted: an npm token]", 2)


def test_more_exact_shape_wins_where_two_overlap() -> None:
    assert codes(f'api_key = "{TOKENS["anthropic-key"]}"') == ["anthropic-key"]


def test_secret_found_never_holds_the_secret() -> None:
    assert BASE62[:36] not in repr(find_secrets(TOKENS["github-token"]))


@given(
    st.lists(st.sampled_from([*TOKENS.values(), "x = 1", "", "é\u2028y", "-----END", "\t+ "]), max_size=6).map(
        "\n".join
    )
)
def test_redacting_keeps_the_number_of_lines_and_leaves_nothing_to_redact(text: str) -> None:
    redacted, count = redact_secrets(text)
    assert redacted.count("\n") == text.count("\n")
    assert count == len(find_secrets(text))
    assert redact_secrets(redacted) == (redacted, 0)


@given(st.text(max_size=300))
def test_any_text_is_searched_without_an_accident(text: str) -> None:
    redacted, count = redact_secrets(text)
    assert (redacted == text) == (count == 0)


def test_every_quantifier_is_bounded() -> None:
    table = tomllib.loads(Path(secrets_in_text.__file__).with_name("data").joinpath("secrets.toml").read_text("utf-8"))
    for row in table["pattern"]:
        simple = re.sub(r"\[[^\]]+\]", "c", re.sub(r"\\.", "e", row["regex"]))
        assert not re.search(r"[*+]|\{\d*,\}", simple), row["regex"]


@pytest.mark.parametrize(
    "text",
    [
        "password" * 40_000,
        "ghp_" * 80_000,
        "a://" + "b" * 300_000,
        "://a:" * 60_000,
        "eyJ" * 100_000,
        "-----BEGIN RSA PRIVATE KEY-----" * 10_000,
        "-----BEGIN PRIVATE KEY-----" + "\n" * 300_000,
        "AKIA" * 80_000,
        "sk-" * 100_000,
        'password = "' + "a" * 300_000,
        "token" + " " * 300_000,
        "SECRET_KEY=" * 30_000,
        "A" * 300_000,
        "\n" * 300_000,
    ],
    ids=lambda text: text[:20],
)
def test_no_text_takes_long(text: str) -> None:
    find_secrets("warm")
    start = time.process_time()
    find_secrets(text)
    assert time.process_time() - start < 2.0
