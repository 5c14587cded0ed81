"""The saved text: keys are set and taken out one by one, and what stays says what it said."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesrai.domain.policy_file import read_values
from mesrai.domain.policy_levels import Level
from mesrai.domain.saved_policy import (
    NOTHING_SAVED,
    Place,
    Saved,
    changed,
    checked,
    differences,
    folder_of,
    leaves,
    listing,
    scalar,
    title_of,
    told_wrong,
    with_rules,
)
from mesrai.domain.yaml_lines import Node
from mesrai.errors import PolicyError, UserError

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n #:'\"-"), max_size=40)
NODES: Mapping[str, st.SearchStrategy[Node]] = {
    "summary.generatePRSummary": st.sampled_from(["true", "no"]).map(lambda word: scalar(word, is_plain=True)),
    "summary.customInstructions": WORDS.map(scalar),
    "customMessages.startReviewMessage": WORDS.map(scalar),
    "maxFiles": st.integers(0, 999).map(lambda number: scalar(str(number), is_plain=True)),
    "language": st.sampled_from(["", "Dutch", "yes", "null"]).map(scalar),
    "ignorePaths": st.lists(st.sampled_from(["a", "*.c", "on", "1"]), max_size=3).map(listing),
}
CHANGES = st.fixed_dictionaries({}, optional={key: st.none() | node for key, node in NODES.items()})


def said(text: str) -> Mapping[str, Any]:
    return {key: value for key, (value, _) in read_values(text.encode(), file="x").items()}


def meant(node: Node, key: str) -> Any:
    return next(leaf for leaf in leaves() if leaf.key == key).field.shape.read(node, key)


@given(st.lists(CHANGES, max_size=4))
def test_the_text_says_what_was_last_set_and_nothing_that_was_taken_out(
    rounds: list[Mapping[str, Node | None]],
) -> None:
    text = ""
    last: dict[str, Node | None] = {}
    for changes in rounds:
        text = changed(text, changes)
        last |= changes
    assert said(text) == {key: meant(node, key) for key, node in last.items() if node is not None}
    assert changed(text, {}) == text or not text


def test_what_is_not_changed_keeps_its_quotes_and_its_place() -> None:
    before = "version: '1.2'\nlanguage: \"no\"\nmaxFiles: 5\n"
    after = changed(before, {"maxFiles": scalar("7", is_plain=True)})
    assert said(after) == {"version": "1.2", "language": "no", "maxFiles": 7}
    assert list(said(after)) == ["version", "language", "maxFiles"]


def test_taking_out_the_last_key_of_a_group_takes_the_group_out() -> None:
    assert changed("summary: {customInstructions: Hi}\n", {"summary.customInstructions": None}) == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("maxFiles: many\n", "Line 1: `maxFiles` must be"),
        ("a: [\n", "Line 2: "),
        ("rules:\n- {title: A, rule: x}\n- {title: ' a ', rule: y}\n", "Line 3: two rules are called"),
        ("language: " + "x" * 100_000, "longer than 100,000 characters"),
    ],
)
def test_a_text_that_cannot_be_saved_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(PolicyError) as wrong:
        checked(text)
    assert told_wrong(wrong.value).startswith(told)


def test_a_rule_is_changed_and_the_others_stay_as_they_are() -> None:
    text = "rules:\n- {title: A, rule: 'yes'}\n- {title: B, rule: y, path: '*.py'}\n"
    kept = with_rules(text, lambda rules: [each for each in rules if title_of(each) != "A"])
    (rule,) = said(kept)["rules"]
    assert (rule.title, rule.rule, rule.paths) == ("B", "y", ("*.py",))
    assert with_rules(kept, lambda _: []) == ""


def test_the_audit_trail_is_told_key_by_key() -> None:
    assert differences("maxFiles: 5\nrunOnDraft: true\n", "maxFiles: 7\nrules: [{title: A, rule: x}]\n") == {
        "maxFiles": [5, 7],
        "runOnDraft": [True, None],
        "rule “A”": [None, "medium, file: x"],
    }
    assert differences("maxFiles: 5", "maxFiles: 5") == {}


@pytest.mark.parametrize("folder", ["", "/", "..", "a/../b", "a//b", "a/*", "a\\b", "C:", "a\nb", "x" * 301])
def test_a_folder_that_is_none_is_refused(folder: str) -> None:
    with pytest.raises(UserError):
        folder_of(folder, [])


def test_folders_do_not_lie_in_one_another() -> None:
    assert folder_of(" packages/api/ ", ["packages/apis", "packages/ap"]) == "packages/api"
    for other in ("packages", "packages/api/deep", "packages/api"):
        with pytest.raises(UserError, match="packages"):
            folder_of("packages/api", [other])


def test_every_level_says_where_it_is_saved() -> None:
    saved = Saved(organisation="maxFiles: 1", repository="maxFiles: 2", folders={"api": "maxFiles: 3"})
    found = [
        layer
        for level in (Level.GLOBAL, Level.REPOSITORY, Level.DIRECTORY)
        for layer in saved.layers("x", "api", level)
    ]
    assert [(each.level, each.file, each.is_saved) for each in found] == [
        (Level.GLOBAL, Place().file, True),
        (Level.REPOSITORY, "what is saved for the repository", True),
        (Level.DIRECTORY, "what is saved for the folder api", True),
    ]
    assert all(not NOTHING_SAVED.layers("x", "api", level) for level in Level if level is not Level.DEFAULT)
