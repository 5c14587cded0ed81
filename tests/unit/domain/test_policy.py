import pytest

from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import Policy, Rule, Scope


def a_rule(**changes: object) -> Rule:
    return Rule(**({"title": "No prints", "rule": "Never print."} | changes))  # type: ignore[arg-type]


def test_default_policy_ignores_lock_files_and_secrets_of_the_environment() -> None:
    assert all(map(Policy().ignores, ("yarn.lock", "web/package-lock.json", "package.json", ".env")))
    assert not Policy().ignores("src/a.py")


def test_own_patterns_replace_the_default() -> None:
    policy = Policy(ignore_paths=("**/*.gen.ts",))
    assert policy.ignores("src/a.gen.ts")
    assert not policy.ignores("yarn.lock")


def test_every_category_is_wanted_but_for_the_two_that_must_be_switched_on() -> None:
    unwanted = [category for category in Category if not Policy().wants(category)]
    assert unwanted == [Category.REFACTORING, Category.CODE_STYLE]
    policy = Policy(categories=frozenset({Category.SECURITY}))
    assert [category for category in Category if policy.wants(category)] == [Category.SECURITY]


@pytest.mark.parametrize(
    ("rule", "covered", "left"),
    [
        (a_rule(), ["a.py", "x/b.txt"], []),
        (a_rule(paths=("src/**",)), ["src/a.py"], ["a.py"]),
        (a_rule(paths=("src/**", "!src/vendor/")), ["src/a.py"], ["src/vendor/b.py"]),
        (a_rule(languages=("jsts", "go")), ["a.ts", "a.JSX", "a.go"], ["a.py", "a"]),
        (a_rule(paths=("src/**",), languages=("python",)), ["src/a.py"], ["src/a.go", "a.py"]),
    ],
)
def test_rule_covers_its_paths_in_its_languages(rule: Rule, covered: list[str], left: list[str]) -> None:
    assert [path for path in covered + left if rule.covers(path)] == covered


def test_rules_for_a_path_are_the_file_rules_that_cover_it() -> None:
    one, two = a_rule(paths=("src/**",)), a_rule(title="Two", severity=Severity.HIGH)
    whole = a_rule(title="Whole", scope=Scope.PULL_REQUEST)
    policy = Policy(rules=(one, two, whole))
    assert policy.rules_for("src/a.py") == (one, two)
    assert policy.rules_for("a.py") == (two,)
    assert policy.rules_for_change == (whole,)
