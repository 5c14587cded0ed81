import asyncio

from mesrai.analysers.secrets import Secrets
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity

TOKEN = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA1b"
PASSWORD = 'db_password = "hV7#kq2!mZ"\n'


def said(text: str, path: str = "src/a.py") -> list[Diagnostic]:
    return list(asyncio.run(Secrets().run({path: text})))


def test_diagnostic_says_where_and_what_and_never_the_secret() -> None:
    assert said(f"# é\nx = 1\nTOKEN = '{TOKEN}'\n") == [
        Diagnostic(
            analyser="secrets",
            code="github-token",
            path="src/a.py",
            start_line=3,
            end_line=3,
            message="This looks like a GitHub token. Whoever can read the repository can use it: revoke it at its "
            "issuer, and read the new one from the environment or a secret store.",
            severity=Severity.CRITICAL,
            category=Category.SECURITY,
        )
    ]


def test_private_key_spans_its_lines() -> None:
    body = "\n".join("MIIEowIBAAKCAQEA7bq2mZ9sPq" + "Yx4kT0vLr8" * 3 + str(n) for n in range(10, 14))
    found = said(f"a\n-----BEGIN RSA PRIVATE KEY-----\n{body}\n-----END RSA PRIVATE KEY-----\nb\n")
    assert [(each.code, each.start_line, each.end_line) for each in found] == [("private-key", 2, 7)]


def test_uncertain_shapes_are_not_reported_in_tests_documents_and_examples() -> None:
    assert [each.code for each in said(PASSWORD)] == ["hardcoded-secret"]
    for path in (
        "tests/test_a.py",
        "docs/setup.md",
        "README.md",
        "config.example.yml",
        "src/FooTest.java",
        "fixtures/a.json",
    ):
        assert said(PASSWORD, path) == []


def test_certain_shapes_are_reported_everywhere() -> None:
    for path in ("tests/test_a.py", "docs/setup.md", "README.md"):
        assert [each.code for each in said(TOKEN, path)] == ["github-token"]


def test_files_of_checksums_and_pictures_are_not_covered() -> None:
    covers = Secrets().covers
    assert not any(map(covers, ("uv.lock", "go.sum", "a/package-lock.json", "logo.svg", "bundle.js.map")))
    assert all(map(covers, ("a.py", ".env", "Dockerfile", "a.tfvars", "application.properties")))
