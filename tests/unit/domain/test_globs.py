import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.domain.globs import MAX_PATTERN_CHARS, check_glob, path_matches

SEGMENT = st.text(alphabet="abc.*", min_size=1, max_size=3).filter(lambda text: text.strip(".") != "")
PATH = st.lists(SEGMENT, min_size=1, max_size=4).map("/".join)
PIECES = ["a", "b", "c", "ab", "*", "?", "[ab]", "[!a]", "[a-c]", "\\*", "a*", "*b", ".a"]
PATTERN_SEGMENT = st.one_of(st.just("**"), st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join))
PATTERN = st.builds(
    lambda start, segments, end: start + "/".join(segments) + end,
    st.sampled_from(["", "", "", "/"]),
    st.lists(PATTERN_SEGMENT, min_size=1, max_size=3),
    st.sampled_from(["", "", "", "/"]),
)


def matching(pattern: str, *paths: str) -> list[str]:
    return [path for path in paths if path_matches(path, (pattern,))]


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("yarn.lock", ["yarn.lock", "a/b/yarn.lock"], ["yarn.lock.txt", "myyarn.lock"]),
        ("*.min.js", ["a.min.js", "x/a.min.js"], ["a.js", "min.js"]),
        ("/setup.py", ["setup.py"], ["a/setup.py"]),
        ("./setup.py", ["setup.py"], ["a/setup.py"]),
        ("docs/*.md", ["docs/a.md"], ["docs/a/b.md", "x/docs/a.md"]),
        ("docs/**/*.md", ["docs/a.md", "docs/a/b/c.md"], ["a.md"]),
        ("**/*.js", ["a.js", "x/y/a.js"], ["a.jsx"]),
        ("**/*", ["a", "a/b"], []),
        ("src/**", ["src/a", "src/a/b"], ["src", "x/src/a"]),
        ("build/", ["build/a", "x/build/a/b"], ["build", "x/build"]),
        ("node_modules", ["node_modules/a/b.js", "x/node_modules/a"], ["node_modules2/a"]),
        ("*.{js,ts}", ["a.js", "x/a.ts"], ["a.tsx", "a.{js,ts}"]),
        ("{src,lib/{a,b}}/*.py", ["src/x.py", "lib/a/x.py", "lib/b/x.py"], ["lib/x.py", "lib/c/x.py"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[!a]b", ["bb"], ["ab", "/b"]),
        ("[]x]", ["]", "x"], ["a"]),
        ("[a", ["[a"], ["a"]),
        ("\\!important", ["!important"], ["important"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("données/*.é", ["données/x.é"], ["donnees/x.e"]),
    ],
)
def test_pattern_matches_as_in_gitignore(pattern: str, inside: list[str], outside: list[str]) -> None:
    assert matching(pattern, *inside, *outside) == inside


def test_last_pattern_that_matches_decides() -> None:
    patterns = ("docs/", "!docs/api/", "docs/api/old.md")
    paths = ["docs/a.md", "docs/api/b.md", "docs/api/old.md"]
    assert [path_matches(path, patterns) for path in paths] == [True, False, True]


def test_no_pattern_matches_nothing() -> None:
    assert not path_matches("a", ())


@pytest.mark.parametrize("pattern", ["", " ", "/", "!", "x" * (MAX_PATTERN_CHARS + 1), "{a,b}" * 7])
def test_unusable_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        check_glob(pattern)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("globs")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@settings(max_examples=60, deadline=None)
@given(pattern=PATTERN, paths=st.lists(PATH, min_size=1, max_size=40, unique=True))
def test_patterns_mean_what_git_takes_them_for(repository: Path, pattern: str, paths: list[str]) -> None:
    (repository / ".gitignore").write_text(pattern + "\n", "utf-8")
    asked = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(paths) + "\0",
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.returncode in (0, 1), asked.stderr
    assert set(matching(pattern, *paths)) == set(asked.stdout.split("\0")) - {""}


@given(pattern=st.text(max_size=60), path=st.text(max_size=60))
def test_any_text_is_refused_or_matched_without_an_accident(pattern: str, path: str) -> None:
    try:
        check_glob(pattern)
    except ValueError:
        return
    assert path_matches(path, (pattern,)) in (True, False)


@pytest.mark.parametrize(
    "pattern", ["*a" * 200 + "b", "**/a*/" * 60 + "b", "?*" * 200 + "b", "**/*a*a*a*a*b/**/*c", "[a-z]*" * 80 + "!"]
)
@pytest.mark.parametrize("path", ["a" * 4_000, "a/" * 2_000 + "a", ("a" * 50 + "/") * 80 + "x"])
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    path_matches("warm", (pattern,))
    start = time.process_time()
    path_matches(path, (pattern,))
    assert time.process_time() - start < 0.05
