import asyncio

import pytest

from mesrai.analysers.workflows import Workflows
from mesrai.analysers.zizmor import Zizmor
from mesrai.domain.diagnostic import Diagnostic
from mesrai.domain.finding import Category, Severity

PATH = ".github/workflows/ci.yml"
COMMIT = "0" * 39 + "1"


def said(text: str, path: str = PATH) -> list[tuple[int, str, Severity]]:
    found = asyncio.run(Workflows().run({path: text}))
    return [(each.start_line, each.code, each.severity) for each in found]


def workflow(*steps: str, on: str = "push") -> str:
    """A workflow whose first step is on line 6."""
    listed = "\n".join(f"      - {step}" for step in steps)
    return f"on: {on}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n{listed}\n"


def test_text_of_others_in_a_script_is_shown_on_its_line() -> None:
    text = workflow('run: |\n          echo hi\n          echo "${{ github.event.issue.title }}"')
    assert asyncio.run(Workflows().run({PATH: text})) == [
        Diagnostic(
            analyser="workflows",
            code="template-injection",
            path=PATH,
            start_line=8,
            end_line=8,
            message="Text that other people write is put into the script before it runs, so they can add commands. "
            "Hand it over in an environment variable (`env:`) instead.",
            severity=Severity.HIGH,
            category=Category.SECURITY,
            url="https://docs.zizmor.sh/audits/#template-injection",
        )
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "github.head_ref",
        "github.event.pull_request.body",
        "github.event.comment.body",
        "github.event.head_commit.message",
        "github.event.commits[0].author.name",
        "github.event.workflow_run.head_branch",
        "toJSON(github.event.issue.title)",
    ],
)
def test_everything_that_others_write_counts(expression: str) -> None:
    assert said(workflow(f"run: echo ${{{{ {expression} }}}}")) == [(6, "template-injection", Severity.HIGH)]
    assert said(workflow(f"run: 'echo ${{{{ {expression} }}}}'"))[0][0] == 6


@pytest.mark.parametrize(
    "expression", ["github.sha", "github.event.issue.number", "inputs.name", "github.event.pull_request.head.sha"]
)
def test_what_others_cannot_write_is_let_be(expression: str) -> None:
    assert said(workflow(f"run: echo ${{{{ {expression} }}}}")) == []


def test_the_same_text_in_the_environment_is_let_be() -> None:
    step = 'run: echo "$TITLE"\n        env:\n          TITLE: ${{ github.event.issue.title }}'
    assert said(workflow(step)) == []


def test_scripts_of_actions_count_too() -> None:
    text = "runs:\n  using: composite\n  steps:\n    - run: echo ${{ github.head_ref }}\n      shell: bash\n"
    assert said(text, "tools/action.yml") == [(4, "template-injection", Severity.HIGH)]
    step = "uses: actions/github-script@v7\n        with:\n          script: log('${{ github.head_ref }}')"
    assert said(workflow(step)) == [(8, "template-injection", Severity.HIGH)]


@pytest.mark.parametrize(
    "on", ["pull_request_target", "[push, pull_request_target]", "{pull_request_target: {types: [x]}}"]
)
def test_checkout_of_a_pull_request_with_secrets_is_shown(on: str) -> None:
    step = "uses: actions/checkout@v4\n        with:\n          ref: ${{ github.event.pull_request.head.sha }}"
    assert said(workflow(step, on=on)) == [(8, "untrusted-checkout", Severity.HIGH)]
    assert said(workflow(step, on="pull_request")) == []


def test_checkout_of_the_base_is_let_be() -> None:
    assert said(workflow("uses: actions/checkout@v4", on="pull_request_target")) == []


def test_action_of_others_without_a_commit_is_shown() -> None:
    uses = ["some/tool@v3", f"some/tool@{COMMIT}", "actions/cache@v4", "./local", "docker://alpine:3"]
    assert said(workflow(*(f"uses: {each}" for each in uses))) == [(6, "unpinned-uses", Severity.LOW)]
    assert said("on: push\njobs:\n  a:\n    uses: some/repo/.github/workflows/x.yml@main\n")[0][:2] == (
        4,
        "unpinned-uses",
    )


def test_file_that_is_no_yaml_is_shown_where_it_breaks() -> None:
    assert said("on: push\njobs: [\n") == [(3, "syntax", Severity.HIGH)]


@pytest.mark.parametrize(
    "text", ["", "a", "- a\n- b\n", "jobs: 3\n", "jobs:\n  a: 3\n", "jobs:\n  a:\n    steps: x\n", "on: [[x]]\n"]
)
def test_yaml_that_is_no_workflow_breaks_nothing(text: str) -> None:
    assert said(text) == []


def test_covers_workflows_and_actions_only() -> None:
    covers = Workflows().covers
    assert all(map(covers, (PATH, ".github/workflows/a.yaml", "action.yml", "tools/x/action.yaml")))
    assert not any(map(covers, ("ci.yml", ".github/dependabot.yml", ".github/workflows/a/b.yml", "reaction.yml")))


def test_zizmor_says_where_what_and_how_bad() -> None:
    text = workflow("run: echo ${{ github.event.issue.title }}")
    found = list(asyncio.run(Zizmor().run({PATH: text})))
    assert [each for each in found if each.code == "template-injection"] == [
        Diagnostic(
            analyser="zizmor",
            code="template-injection",
            path=PATH,
            start_line=6,
            end_line=6,
            message="Code injection via template expansion: may expand into attacker-controllable code",
            severity=Severity.HIGH,
            category=Category.SECURITY,
            url="https://docs.zizmor.sh/audits/#template-injection",
        )
    ]


def test_zizmor_tells_of_files_it_could_not_read_and_reads_the_others() -> None:
    step = "    - run: echo ${{ github.head_ref }}\n      shell: sh\n"
    files = {
        PATH: workflow("uses: some/tool@v3"),
        "tools/action.yml": "runs:\n  using: composite\n  steps:\n" + step,
        ".github/workflows/bad.yml": "jobs: 3\n",
    }
    found = asyncio.run(Zizmor().run(files))
    assert {(each.path, each.code) for each in found} >= {
        (PATH, "unpinned-uses"),
        ("tools/action.yml", "template-injection"),
        (".github/workflows/bad.yml", "invalid"),
    }


def test_zizmor_with_nothing_to_read_says_so_and_does_not_fail() -> None:
    assert [each.code for each in asyncio.run(Zizmor().run({PATH: "jobs: 3\n"}))] == ["invalid"]
    assert list(asyncio.run(Zizmor().run({PATH: "jobs: [\n"}))) == []
