"""From import statements to the files they mean."""

import pytest

from mesrai.review.code.imports import PathIndex, guesses_for, targets_of
from mesrai.review.code.languages import language_of


@pytest.mark.parametrize(
    ("statement", "path", "targets"),
    [
        ("from a.b import (c as d,\n    e)", "x/y.py", ["a/b", "a/b/c", "a/b/e"]),
        ("from ..m import z  # note", "src/p/q/r.py", ["./src/p/m", "./src/p/m/z"]),
        ("from . import z", "src/p/r.py", ["./src/p", "./src/p/z"]),
        ("import q.r as s, t", "a.py", ["q/r", "t"]),
        ("import {a, b as c} from '../x/y.js'", "src/p/q.ts", ["./src/x/y"]),
        ("import D from '@/comp/z'", "a.ts", ["comp/z"]),
        ("const q = require('./w')", "lib/a.js", ["./lib/w"]),
        ('import ( "fmt"; x "a/b/c" )', "m.go", ["fmt", "a/b/c"]),
        ("import a.b.C;", "A.java", ["a/b/C", "a/b"]),
        ("import static x.Y.*;", "A.java", ["x/Y"]),
        ("import x.y.Zed as Q", "a.kt", ["x/y/Zed", "x/y"]),
        ("require_relative '../x'", "lib/a/b.rb", ["./lib/x"]),
        ("use crate::a::{b, c as d};", "src/main.rs", ["a/b", "a", "a/c"]),
        ('#include "a/b.h"', "src/z.c", ["./src/a/b", "a/b"]),
        ("using A = B.C;", "a.cs", ["A", "B/C"]),
        ("use C\\D\\{E, F as G};", "a.php", ["C/D/E", "C/D", "C/D/F"]),
        ("require_once __DIR__ . '/inc/x.php';", "app/a.php", ["./app/inc/x"]),
        ("import x from '../../../../etc/passwd'", "src/a.ts", []),
    ],
)
def test_an_import_names_paths(statement: str, path: str, targets: list[str]) -> None:
    found = [target for target in targets_of(statement, language_of(path), path) if target not in ("C", "./.")]
    assert found == targets


INDEX = PathIndex(
    ["src/p/m/n.py", "src/p/m/__init__.py", "src/x/y.ts", "src/comp/z/index.tsx", "include/a/b.h", "src/a.rs", "x/y.py"]
)


@pytest.mark.parametrize(
    ("target", "importing", "found"),
    [
        ("./src/p/m/n", "src/p/q/r.py", ["src/p/m/n.py"]),
        ("./src/p/m", "src/p/q/r.py", ["src/p/m/__init__.py"]),
        ("p/m", "a.py", ["src/p/m/__init__.py"]),
        ("./src/x/y", "src/p/q.ts", ["src/x/y.ts"]),
        ("comp/z", "a.ts", ["src/comp/z/index.tsx"]),
        ("a/b", "src/z.c", ["include/a/b.h"]),
        ("a", "src/main.rs", ["src/a.rs"]),
        ("other/b", "src/z.c", []),
        ("./lib/x/y", "lib/a.ts", []),
        ("react", "a.ts", []),
    ],
)
def test_a_path_is_found_by_its_end_among_files_of_related_languages(
    target: str, importing: str, found: list[str]
) -> None:
    assert INDEX.find(target, importing) == found


def test_without_a_tree_two_paths_are_worth_trying() -> None:
    assert guesses_for("./src/p/m", "src/p/r.py") == ("src/p/m.py", "src/p/m/__init__.py")
    assert guesses_for("./web/x", "web/a.ts") == ("web/x.ts", "web/x/index.ts")
