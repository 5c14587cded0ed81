from collections.abc import Sequence
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.finding import Category, Severity
from mesrai.domain.policy import Cadence, Policy, Rule, SuggestionControl, SummaryWishes
from mesrai.domain.policy_file import read_policy
from mesrai.domain.policy_keys import POLICY
from mesrai.domain.policy_levels import Layer, Level, Merged, Origin, Scene, holds, layer_from, merged
from mesrai.domain.policy_shapes import Record

SHOP = Scene(repository="github.com/acme/shop")
API = Scene(repository="github.com/acme/shop", folder="packages/api")
ORDER = (Level.GLOBAL, Level.REPOSITORY, Level.DIRECTORY)


def made(*texts: str, scene: Scene = API) -> Merged:
    """The configuration of files at the global, the repository's and the directory's level."""
    layers = [
        layer_from(text.encode(), file=f"{level}.yml", level=level) for text, level in zip(texts, ORDER, strict=False)
    ]
    return merged(layers, scene)


def origin_of(found: Merged, key: str) -> Origin:
    (only,) = [each for each in found.origins if each.key == key]
    return only


# Values


def test_each_field_comes_from_the_most_specific_file_that_gives_it() -> None:
    found = made(
        "summary: {customInstructions: Short., generatePRSummary: false}\n"
        "suggestionControl: {maxSuggestions: 3, severityLevelFilter: high}\n"
        "reviewOptions: {code_style: true, security: false}\n"
        "reviewCadence: {type: manual, timeWindow: 30}\n"
        "ignorePaths: [a, b]\n",
        "summary: {generatePRSummary: true}\nreviewOptions: {security: true}\nignorePaths: [c]\n",
        "suggestionControl: {maxSuggestions: 7}\nreviewCadence: {type: automatic}\n",
    ).policy
    assert found.summary == SummaryWishes(is_generated=True, instructions="Short.")
    assert found.suggestion_control == SuggestionControl(max_suggestions=7, severity_level_filter=Severity.HIGH)
    assert {Category.CODE_STYLE, Category.SECURITY} <= found.categories
    assert found.cadence == replace(Cadence(), kind=found.cadence.kind, window_minutes=30)
    assert found.cadence.kind == "automatic"
    assert found.ignore_paths == ("c",), "a list replaces the one above"


def test_a_key_without_a_value_follows_the_level_above() -> None:
    found = made("maxFiles: 5\n", "maxFiles:\n", "")
    assert found.policy.most_files == 5
    assert origin_of(found, "maxFiles").where == "global.yml:1"


def test_every_value_knows_where_it_comes_from() -> None:
    found = made("language: German\n\nmaxFiles: 9\n", "# ours\nsummary:\n  customInstructions: Hi\n", "maxFiles: 1\n")
    assert origin_of(found, "language") == Origin(
        key="language", value="German", level=Level.GLOBAL, where="global.yml:1"
    )
    assert origin_of(found, "summary.customInstructions").where == "repository.yml:3"
    assert origin_of(found, "maxFiles") == Origin(
        key="maxFiles", value=1, level=Level.DIRECTORY, where="directory.yml:1"
    )
    assert origin_of(found, "reviewOptions.code_style") == Origin(
        key="reviewOptions.code_style", value=False, level=Level.DEFAULT
    )
    assert origin_of(found, "reviewCadence.timeWindow").value == 15


def test_every_key_of_the_file_has_an_origin() -> None:
    def leaves(record: Record, prefix: str) -> list[str]:
        return [
            key
            for field in record.fields
            for key in (
                leaves(field.shape, f"{prefix}{field.name}.")
                if isinstance(field.shape, Record)
                else [prefix + field.name]
            )
        ]

    assert [each.key for each in made().origins] == [key for key in leaves(POLICY, "") if key != "rules"]


NUMBERS = st.integers(0, 50)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "maxFiles": NUMBERS,
        "runOnDraft": st.booleans(),
        "language": st.sampled_from(["", "Dutch", "Polish"]),
        "ignorePaths": st.lists(st.sampled_from(["a", "b/", "*.c"]), max_size=2),
        "ignoredUsers": st.lists(st.sampled_from(["ada", "bot"]), max_size=2),
        "summary": st.fixed_dictionaries(
            {}, optional={"generatePRSummary": st.booleans(), "customInstructions": st.sampled_from(["", "x"])}
        ),
        "suggestionControl": st.fixed_dictionaries(
            {}, optional={"maxSuggestions": NUMBERS, "groupingMode": st.sampled_from(["full", "individual"])}
        ),
        "reviewCadence": st.fixed_dictionaries({}, optional={"pushesToTrigger": st.integers(1, 9)}),
        "customMessages": st.fixed_dictionaries({}, optional={"timing": st.sampled_from(["off", "every_push"])}),
        "reviewOptions": st.fixed_dictionaries({}, optional={"security": st.booleans(), "code_style": st.booleans()}),
    },
)
Given = dict[str, object]


def flat(value: Given, prefix: str = "") -> Given:
    leaves: Given = {}
    for key, each in value.items():
        leaves |= flat(each, f"{prefix}{key}.") if isinstance(each, dict) else {prefix + key: each}
    return leaves


def nested(leaves: Given) -> Given:
    tree: Given = {}
    for key, value in leaves.items():
        outer, _, inner = key.partition(".")
        if inner:
            branch = tree.setdefault(outer, {})
            assert isinstance(branch, dict)
            branch[inner] = value
        else:
            tree[key] = value
    return tree


def merged_files(files: Sequence[Given]) -> Merged:
    layers = [
        layer_from(yaml.safe_dump(file).encode(), file=f"{number}.yml", level=ORDER[min(number, 2)])
        for number, file in enumerate(files)
    ]
    return merged(layers, API)


@given(st.lists(FILES, max_size=4))
def test_merging_files_is_reading_the_one_file_that_holds_the_last_value_of_each_field(files: list[Given]) -> None:
    last: Given = {}
    for file in files:
        last |= flat(file)
    assert merged_files(files).policy == read_policy(yaml.safe_dump(nested(last)).encode(), file="one.yml")


@given(FILES, FILES)
def test_saying_it_again_changes_nothing_and_saying_nothing_changes_nothing(above: Given, below: Given) -> None:
    once = merged_files([above, below]).policy
    assert merged_files([above, below, below]).policy == once
    assert merged_files([above, {}, below]).policy == once
    assert merged_files([{}]).policy == merged_files([]).policy == Policy()


@given(st.lists(FILES, max_size=3))
def test_a_value_and_its_origin_are_one(files: list[Given]) -> None:
    for each in merged_files(files).origins:
        if each.level is Level.DEFAULT:
            assert not each.where
            assert all(each.key not in flat(file) for file in files)
        else:
            number = int(each.where.partition(".")[0])
            assert each.key in flat(files[number])
            assert all(each.key not in flat(file) for file in files[number + 1 :])


# Rules

TITLED = "rules:\n- {{title: {0}, rule: Do {0}.{1}}}\n"


def titles(found: Merged) -> list[str]:
    return [rule.title for rule in found.policy.rules]


def rule(title: str, inheritance: str = "") -> str:
    return TITLED.format(title, f", inheritance: {{{inheritance}}}" if inheritance else "")


def test_rules_of_all_levels_add_up_and_know_their_lines() -> None:
    found = made(rule("A"), "maxFiles: 1\n" + rule("B"), rule("C"))
    assert titles(found) == ["A", "B", "C"]
    assert [(each.value, each.level, each.where) for each in found.origins if each.key == "rules"] == [
        ("A", Level.GLOBAL, "global.yml:2"),
        ("B", Level.REPOSITORY, "repository.yml:3"),
        ("C", Level.DIRECTORY, "directory.yml:2"),
    ]


@pytest.mark.parametrize(
    ("inheritance", "in_repository", "in_directory"),
    [
        ("", True, True),
        ("inheritable: false", False, False),
        ("exclude: [shop]", False, True),  # an exclusion holds at that level only
        ("exclude: [Acme/Shop/]", False, True),
        ("exclude: [shop/packages/api]", True, False),
        ("exclude: [shop, acme/shop/packages/api]", False, False),
        ("exclude: [packages/api]", True, True),  # of which repository it does not say
        ("exclude: [other]", True, True),
        ("include: [shop]", True, True),  # with its folders
        ("include: [shop/packages/api]", False, True),
        ("include: [other]", False, False),
        ("include: [shop], exclude: [shop/packages/api]", True, False),
    ],
)
def test_where_a_global_rule_holds(inheritance: str, in_repository: bool, in_directory: bool) -> None:
    text = rule("A", inheritance)
    assert titles(made(text, scene=SHOP)) == ["A"] * in_repository
    assert titles(made(text, scene=API)) == ["A"] * in_directory


@pytest.mark.parametrize(
    ("inheritance", "in_directory"),
    [
        ("", True),
        ("inheritable: false", False),
        ("exclude: [packages/api/]", False),
        ("exclude: [./packages/api]", False),
        ("exclude: [packages]", True),
        ("exclude: [shop]", True),
        ("include: [packages/web]", False),
        ("include: [packages/web, packages/api]", True),
    ],
)
def test_where_a_rule_of_a_repository_holds(inheritance: str, in_directory: bool) -> None:
    text = rule("A", inheritance)
    assert titles(made("", text, scene=SHOP)) == ["A"], "always at its own level"
    assert titles(made("", text, scene=API)) == ["A"] * in_directory


def test_a_rule_of_a_directory_holds_there_whatever_it_says_of_others() -> None:
    assert titles(made("", "", rule("A", "inheritable: false, exclude: [packages/api]"))) == ["A"]


@given(
    st.sampled_from(ORDER[:2]),
    st.lists(st.sampled_from(["shop", "acme/shop", "packages/api", "shop/packages/api", "else"]), max_size=3),
)
def test_to_exclude_more_never_lets_a_rule_hold_in_more_places(level: Level, names: list[str]) -> None:
    for scene in (SHOP, API):
        less = Rule(title="A", rule="a", exclude=tuple(names[:1]))
        more = replace(less, exclude=tuple(names))
        assert holds(less, level, scene) or not holds(more, level, scene)


def test_a_rule_that_is_switched_off_holds_nowhere() -> None:
    off = Rule(title="A", rule="a", is_enabled=False)
    assert merged([Layer(level=Level.DIRECTORY, rules=(off,))], API).policy.rules == ()


# Rules that a level does not take over


def test_a_level_leaves_out_an_inherited_rule_and_the_folders_below_still_take_it_over() -> None:
    files = ("rules: [{title: Cents, rule: x}]\n", "excludedRules: ['  CENTS ']\n", "")
    assert made(*files[:2], scene=SHOP).policy.rules == ()
    assert [rule.title for rule in made(*files, scene=API).policy.rules] == ["Cents"]
    here = (*files[:1], "", "excludedRules: [Cents]\n")
    assert made(*here, scene=API).policy.rules == ()


def test_a_level_does_not_leave_out_its_own_rule() -> None:
    found = made("", "rules: [{title: Cents, rule: x}]\nexcludedRules: [Cents]\n", scene=SHOP)
    assert [rule.title for rule in found.policy.rules] == ["Cents"]
    assert found.policy.excluded_rules == ("Cents",)


@given(st.lists(st.sampled_from(["A", "B", "C"]), max_size=3), st.booleans())
def test_exactly_the_inherited_rules_that_are_named_are_left_out(named: list[str], in_folder: bool) -> None:
    rules = "rules: [{title: A, rule: x}, {title: B, rule: x}]\n"
    excluding = yaml.safe_dump({"excludedRules": named})
    texts, scene = ((rules, "", excluding), API) if in_folder else ((rules, excluding), SHOP)
    assert [rule.title for rule in made(*texts, scene=scene).policy.rules] == [
        each for each in "AB" if each not in named
    ]


def test_what_is_saved_is_told_apart_from_files() -> None:
    saved = replace(layer_from(b"maxFiles: 5\n", file="what is saved", level=Level.GLOBAL), is_saved=True)
    found = merged([saved, layer_from(b"language: German\n", file="f.yml", level=Level.GLOBAL)], SHOP)
    assert (origin_of(found, "maxFiles").is_saved, origin_of(found, "language").is_saved) == (True, False)
