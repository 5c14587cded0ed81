import asyncio

import pytest
from tests.factories import a_change, a_file_diff
from tests.fakes import Files, MemoryFiles, MemorySource

from mesrai.domain.change import At
from mesrai.domain.diff import Action
from mesrai.domain.finding import Severity
from mesrai.domain.memory import Memory, MemoryScope
from mesrai.domain.policy import Example, Policy, Rule, Scope
from mesrai.domain.policy_levels import Level
from mesrai.domain.saved_policy import Saved
from mesrai.errors import PolicyError
from mesrai.review.guidance import PolicyFound, load_policy
from mesrai.review.levels import Central

SHOP = "github.com/acme/shop"
RULE = "title: {0}\nrule: Do {0}.\n"


def found_for(
    own: Files, *changed: str, central: Files | None = None, at: At = At.BASE, is_central: bool = False
) -> PolicyFound:
    """What holds for a change that adds these files to a repository."""
    source = MemorySource(own, {**own, **dict.fromkeys(changed, "new\n")})
    shared = None if central is None else Central(files=MemoryFiles(central, "acme/rules"), is_reviewed=is_central)
    return asyncio.run(load_policy(source, at, repository=SHOP, central=shared))


def titles(found: PolicyFound) -> list[str]:
    return [rule.title for rule in found.policy.rules]


OWN: Files = {
    "mesrai-config.yml": "language: German\nmaxFiles: 20\n",
    "packages/api/mesrai-config.yml": "maxFiles: 5\n",
    "packages/web/mesrai-config.yml": "maxFiles: 6\n",
}


# One configuration for a change


@pytest.mark.parametrize(
    ("changed", "most"),
    [
        (["packages/api/a.py"], 5),
        (["packages/api/deep/er/a.py"], 5),
        (["packages/api/a.py", "README.md", "packages/cli/a.py"], 5),  # folders without one do not matter
        (["packages/api/a.py", "packages/web/a.py"], 20),  # two of them: the repository's
        (["README.md"], 20),
        (["packages/api.py"], 20),
        (["packages/apis/a.py"], 20),
    ],
)
def test_a_change_has_the_configuration_of_its_one_configured_folder_or_the_repositorys(
    changed: list[str], most: int
) -> None:
    found = found_for(OWN, *changed)
    assert (found.policy.most_files, found.policy.language) == (most, "German")


def test_a_moved_file_belongs_to_both_of_its_folders() -> None:
    moved = a_file_diff("packages/web/a.py", old_path="packages/api/a.py", action=Action.RENAMED)
    found = asyncio.run(load_policy(MemorySource(OWN, OWN, a_change(moved)), At.BASE))
    assert found.policy.most_files == 20
    copied = a_file_diff("packages/web/a.py", old_path="packages/api/a.py", action=Action.COPIED)
    found = asyncio.run(load_policy(MemorySource(OWN, OWN, a_change(copied)), At.BASE))
    assert found.policy.most_files == 6, "what was copied stays as it was"


def test_configured_folders_may_not_lie_in_one_another() -> None:
    own = {**OWN, "packages/mesrai-config.yml": ""}
    with pytest.raises(PolicyError) as told:
        found_for(own, "packages/api/a.py")
    assert told.value.message.startswith("packages/api/mesrai-config.yml:1: the folder lies in packages, which ")
    assert "packages/mesrai-config.yml" in told.value.message
    assert found_for(own, "README.md").policy.most_files == 20


def test_a_folder_of_the_central_repository_may_not_lie_around_one_of_its_own() -> None:
    with pytest.raises(PolicyError, match=r"which acme/rules:shop/packages/mesrai-config\.yml configures"):
        found_for(OWN, "packages/api/a.py", central={"shop/packages/mesrai-config.yml": ""})


def test_a_change_cannot_configure_its_own_review() -> None:
    source = MemorySource({}, {"mesrai-config.yml": "maxFiles: 1\n", "a/mesrai-config.yml": "", "a/b.py": "1\n"})
    found = asyncio.run(load_policy(source, At.BASE))
    assert (found.policy, found.files) == (Policy(), ())
    assert asyncio.run(load_policy(source, At.HEAD)).files == ("mesrai-config.yml", "a/mesrai-config.yml")


# Levels

CENTRAL: Files = {
    "mesrai-config.yml": "language: French\nmaxFiles: 99\nrunOnDraft: true\n",
    "shop/mesrai-config.yml": "maxFiles: 50\nignoredUsers: [renovate]\n",
    "shop/packages/api/mesrai-config.yml": "maxFiles: 4\nignoredTitleKeywords: [WIP]\n",
    "other/mesrai-config.yml": "this is not: [valid\n",  # nobody's business here
}


def test_the_reviewed_repositorys_files_win_over_the_central_ones_at_the_same_level() -> None:
    found = found_for(OWN, "packages/api/a.py", central=CENTRAL)
    policy = found.policy
    assert (policy.most_files, policy.language) == (5, "German")
    assert (policy.reviews_drafts, policy.ignored_users, policy.ignored_title_keywords) == (
        True,
        ("renovate",),
        ("WIP",),
    )
    assert found.files == (
        "acme/rules:mesrai-config.yml",
        "acme/rules:shop/mesrai-config.yml",
        "mesrai-config.yml",
        "acme/rules:shop/packages/api/mesrai-config.yml",
        "packages/api/mesrai-config.yml",
    )
    assert found.file == found.files[-1]
    assert found.told == f"policy in {', '.join(found.files)}, 0 rules"
    origins = {each.key: (each.level, each.where) for each in found.origins}
    assert origins["runOnDraft"] == (Level.GLOBAL, "acme/rules:mesrai-config.yml:3")
    assert origins["ignoredUsers"] == (Level.REPOSITORY, "acme/rules:shop/mesrai-config.yml:2")
    assert origins["maxFiles"] == (Level.DIRECTORY, "packages/api/mesrai-config.yml:1")


def test_a_folder_may_be_configured_by_the_central_repository_alone() -> None:
    assert found_for({}, "packages/api/a.py", central=CENTRAL).policy.most_files == 4
    assert found_for({}, "a.py", central=CENTRAL).policy.most_files == 50


def test_the_central_repository_itself_is_no_project_among_its_projects() -> None:
    own = {**CENTRAL, "shop/packages/mesrai-config.yml": ""}
    found = found_for(own, "shop/packages/api/new.yml", central=own, is_central=True)
    assert (found.files, found.policy.most_files) == (("mesrai-config.yml",), 99)


@pytest.mark.parametrize(
    ("own", "central", "said"),
    [
        ({"mesrai-config.yml": "\nmaxFile: 1\n"}, {}, "mesrai-config.yml:2: unknown key `maxFile`"),
        ({"a/mesrai-config.yml": "maxFiles: many\n"}, {}, "a/mesrai-config.yml:1: `maxFiles` must be a whole number"),
        ({}, {"mesrai-config.yml": "rules: 1\n"}, "acme/rules:mesrai-config.yml:1: `rules` must be a list"),
        ({}, {"shop/mesrai-config.yml": "a: b: c\n"}, "acme/rules:shop/mesrai-config.yml:1: mapping values are not"),
        ({}, {"shop/a/mesrai-config.yml": "\n\nlanguage: a1\n"}, "acme/rules:shop/a/mesrai-config.yml:3: `language`"),
    ],
)
def test_an_invalid_file_at_any_level_is_told_with_its_line(own: Files, central: Files, said: str) -> None:
    with pytest.raises(PolicyError) as told:
        found_for(own, "a/b.py", central=central)
    assert told.value.message.startswith(said)


# Rules and memories in files of their own


def test_rules_in_files_add_up_over_the_levels() -> None:
    own = {
        **OWN,
        ".mesrai/rules/deep/own.md": "---\ntitle: Markdown\n---\nDo it.\n",
        ".mesrai-rules/review/own.yml": RULE.format("Own"),
        "packages/api/.mesrai-rules/review/api.yaml": RULE.format("Api"),
        "packages/cli/.mesrai-rules/review/cli.yml": RULE.format("Cli"),  # the folder has no configuration
    }
    central = {
        ".mesrai-rules/review/all.yml": RULE.format("All"),
        ".mesrai-rules/review/unshared.yml": RULE.format("Unshared") + "inheritance: {inheritable: false}\n",
        "shop/.mesrai-rules/review/shop.yml": RULE.format("Shop") + "inheritance: {exclude: [packages/api]}\n",
        "shop/packages/api/.mesrai-rules/review/api.yml": RULE.format("Central api"),
        "other/.mesrai-rules/review/other.yml": RULE.format("Other"),
    }
    assert titles(found_for(own, "a.py", central=central)) == ["All", "Shop", "Own", "Markdown"]
    found = found_for(own, "packages/api/a.py", central=central)
    assert titles(found) == ["All", "Own", "Markdown", "Central api", "Api"]
    assert found.policy.rules[0].origin == "acme/rules:.mesrai-rules/review/all.yml:1"
    assert found.policy.notices == ()


def test_a_shared_rule_is_read_whole() -> None:
    text = (
        "title: Money\nrule: Use Decimal.\nseverity: critical\nscope: pull request\npath: src/**\n"
        "examples:\n- {snippet: 'float(x)', isCorrect: false}\ninheritance: {include: [shop]}\n"
    )
    found = found_for({}, "a.py", central={".mesrai-rules/review/money.yml": text})
    assert found.policy.rules == (
        Rule(
            title="Money",
            rule="Use Decimal.",
            severity=Severity.CRITICAL,
            scope=Scope.PULL_REQUEST,
            paths=("src/**",),
            examples=(Example(snippet="float(x)", is_correct=False),),
            include=("shop",),
            origin="acme/rules:.mesrai-rules/review/money.yml:1",
        ),
    )


def test_a_rule_or_memory_file_that_cannot_be_used_is_told_and_costs_none_of_the_others() -> None:
    own = {
        ".mesrai/rules/bad.md": "no front matter\n",
        ".mesrai-rules/review/bad.yml": "title: T\n",
        ".mesrai-rules/review/good.yml": RULE.format("Good"),
        ".mesrai-rules/review/notes.txt": "not a rule",
        ".mesrai-rules/memories/bad.yml": "memory: '...'\n",
        "rules/readme.md": "---\ntitle: Not looked for\n---\nDo.\n",
    }
    found = found_for(own, "a.py")
    assert titles(found) == ["Good"]
    assert found.policy.notices == (
        "A file was not used: .mesrai-rules/review/bad.yml:1: `rule` is missing",
        "A file was not used: .mesrai/rules/bad.md:1: a rule file begins with `---`, its keys, and `---`",
        "A file was not used: .mesrai-rules/memories/bad.yml:1: the memory cannot be used: it says nothing",
    )


def test_memories_in_files_hold_where_their_level_and_their_paths_say() -> None:
    central = {
        ".mesrai-rules/memories/all.yml": "memory: We count money in cents.\n",
        ".mesrai-rules/memories/docs.yml": "memory: Manuals are short.\npath: [docs/**, '*.md']\n",
        "shop/.mesrai-rules/memories/sql.yml": "title: SQL\nmemory: Queries are generated.\npath: db/**\n",
    }
    own = {".mesrai-rules/memories/own.yml": "text: We use British English.\n"}
    every = Memory(
        id=0,
        text="We count money in cents.",
        scope=MemoryScope.ORGANISATION,
        author="acme/rules:.mesrai-rules/memories/all.yml",
        origin="acme/rules:.mesrai-rules/memories/all.yml:1",
    )
    sql = Memory(
        id=0,
        text="SQL: Queries are generated.",
        scope=MemoryScope.DIRECTORY,
        repository=SHOP,
        paths=("db/**",),
        author="acme/rules:shop/.mesrai-rules/memories/sql.yml",
        origin="acme/rules:shop/.mesrai-rules/memories/sql.yml:1",
    )
    ours = Memory(
        id=0,
        text="We use British English.",
        repository=SHOP,
        author=".mesrai-rules/memories/own.yml",
        origin=".mesrai-rules/memories/own.yml:1",
    )
    manuals = Memory(
        id=0,
        text="Manuals are short.",
        scope=MemoryScope.DIRECTORY,
        repository=SHOP,
        paths=("docs/**", "*.md"),
        author="acme/rules:.mesrai-rules/memories/docs.yml",
        origin="acme/rules:.mesrai-rules/memories/docs.yml:1",
    )
    assert found_for(own, "a.py", central=central).policy.memories == (every, ours)
    assert found_for(own, "a.md", central=central).policy.memories == (every, manuals, ours)
    assert found_for(own, "db/a.sql", central=central).policy.memories == (every, sql, ours)


def test_what_nobody_configured_has_the_defaults() -> None:
    found = found_for({}, "a.py")
    assert (found.policy, found.file) == (Policy(), "")
    assert found.told == "no mesrai-config.yml at the repository's root: the defaults hold"


# What is saved on the pages


def found_with(saved: Saved, own: Files, central: Files | None, *changed: str) -> PolicyFound:
    source = MemorySource(own, {**own, **dict.fromkeys(changed, "new\n")})
    shared = None if central is None else Central(files=MemoryFiles(central, "acme/rules"))
    return asyncio.run(load_policy(source, At.BASE, repository=SHOP, central=shared, saved=saved))


EVERYWHERE = ("saved", "central", "saved here", "central for it", "own", "saved folder", "central folder", "own folder")


@pytest.mark.parametrize("said", range(1, 2 ** len(EVERYWHERE)), ids=lambda said: f"{said:08b}")
def test_the_more_specific_level_wins_and_a_file_in_git_wins_over_what_is_saved_at_its_level(said: int) -> None:
    texts = {name: f"language: {'x' * (at + 1)}\n" for at, name in enumerate(EVERYWHERE) if said >> at & 1}
    saved = Saved(
        organisation=texts.get("saved", ""),
        repository=texts.get("saved here", ""),
        folders={"api": texts.get("saved folder", "")},
    )
    central = {"mesrai-config.yml": "central", "shop/mesrai-config.yml": "central for it"}
    central |= {"shop/api/mesrai-config.yml": "central folder"}
    own = {"mesrai-config.yml": "own", "api/mesrai-config.yml": "own folder"}
    found = found_with(
        saved,
        {path: texts[name] for path, name in own.items() if name in texts},
        {path: texts[name] for path, name in central.items() if name in texts},
        "api/a.py",
    )
    assert len(found.policy.language) == said.bit_length(), "the last of those that say something"


def test_a_saved_folder_holds_where_a_change_touches_it_alone() -> None:
    saved = Saved(repository="maxFiles: 9\n", folders={"api": "maxFiles: 3\n", "web": "maxFiles: 4\n", "empty": ""})
    for changed, most in ((["api/a.py"], 3), (["api/a.py", "web/a.py"], 9), (["empty/a.py"], 9), (["a.py"], 9)):
        assert found_with(saved, {}, None, *changed).policy.most_files == most


def test_a_saved_folder_and_one_in_git_may_not_lie_in_one_another() -> None:
    saved = Saved(folders={"api": "maxFiles: 3\n"})
    with pytest.raises(PolicyError, match="lies in api, which what is saved for the folder api configures"):
        found_with(saved, {"api/deep/mesrai-config.yml": ""}, None, "api/deep/a.py")
