import pytest

from mesrai.domain.path_kinds import is_example_path, is_test_path


@pytest.mark.parametrize(
    "path",
    [
        "tests/a.py",
        "test/api/x.ts",
        "src/test/java/A.java",
        "lib/src/jvmTest/kotlin/X.kt",
        "a/foo_test.go",
        "src/x.component.spec.ts",
        "spec/foo_spec.rb",
        "src/FooTest.java",
        "src/FooTests.cs",
        "Foo.Tests/Bar.cs",
        "Tests/Foo.swift",
        "pkg/conftest.py",
        "pkg/test_x.py",
        "testdata/key.pem",
        "fixtures/HookTag.json",
        "server/__mocks__/a.js",
        "tests/__snapshots__/a.snap",
        "cypress/e2e/a.ts",
        "integration_tests/a.go",
    ],
)
def test_tests_are_known_by_the_customs_of_their_language(path: str) -> None:
    assert is_test_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/contest/a.py",
        "src/latest.py",
        "src/attest/x.go",
        "greatest/x.c",
        "lib/inspect/a.rb",
        "src/testing_tools.py",
        "src/spectrum/a.c",
        "manifests/a.yaml",
        "src/Manifest.java",
        "lib/request.js",
        "special/a.py",
    ],
)
def test_words_that_only_hold_test_are_none(path: str) -> None:
    assert not is_test_path(path)


def test_texts_for_people_and_samples_are_examples() -> None:
    assert all(map(is_example_path, (".env.example", "docs/a.py", "README.md", "config.sample.yml", "Examples/a.c")))
    assert not any(map(is_example_path, ("src/a.py", "src/document/a.py", ".env", "config.yml")))
