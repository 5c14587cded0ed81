"""Mesrai side by side with PR-Agent: start-up, small reviews, large changes, failures, installed size, in one run.

Both review the same made-up changes with the same stand-in model on loopback, in turns. PR-Agent is not installed by
this script; give it an environment of its own, and say where it is:

    uv venv -p 3.12 /tmp/pragent && uv pip install -p /tmp/pragent/bin/python pr-agent
    python benchmarks/against_pr_agent.py --pr-agent /tmp/pragent/bin/pr-agent

It prints a table in Markdown. Only the case `size` uses the network (the package registry, to install Mesrai anew).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from changes import BASE, SIZES, MadeChange, make_change
from measuring import Pairs, Run, in_turns, installed, pairs_of, run
from stand_in import FAILURES, NEVER, StandIn

ROOT = Path(__file__).resolve().parent.parent
_CLOSED = "http://127.0.0.1:9"  # nothing listens there: whoever asks a proxy for the internet is refused at once
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_SILENCE_S = 3  # how long either waits for a model that says nothing, where that is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One of the two programs, and how it is called."""

    name: str
    program: Path
    review: tuple[str, ...]
    env: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all cases share."""

    pr_agent: Tool
    mesrai: Tool
    model: StandIn
    changes: dict[int, MadeChange]
    there: Path  # a folder for what comes up
    runs: int
    latency_s: float
    limit_s: float
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def help(self, tool: Tool) -> Run:
        return run([tool.program, "--help"], cwd=self.there, env=tool.env, limit_s=self.limit_s)

    def review(self, tool: Tool, size: int, **more: str) -> Run:
        """One review, with no call on the model's account before it."""
        self.model.forget()
        root, env = self.changes[size].root, {**tool.env, **more}
        return run([tool.program, *tool.review], cwd=root, env=env, limit_s=self.limit_s)

    def row(self, what: str, shown: Iterable[str], *, ratio: str = "", aim: str = "", met: bool | None = None) -> None:
        """A row of the table; `shown` are PR-Agent's figure and Mesrai's."""
        self.rows.append((what, *shown, ratio, aim, "" if met is None else "yes" if met else "**no**"))

    def compare(self, what: str, pairs: Pairs, unit: str, *, at_most: float | None = None) -> None:
        """A row with the medians and the ratio pair by pair."""
        low, middle, high = pairs.ratios
        digits = 0 if unit == "MiB" else 2
        shown = [f"{value:.{digits}f} {unit}" for value in pairs.medians]
        aim = "" if at_most is None else f"ratio at most {at_most:g}"
        met = None if at_most is None else middle <= at_most
        self.row(what, shown, ratio=f"{middle:.3f} ({low:.3f} to {high:.3f})", aim=aim, met=met)


def case_help(bench: Bench) -> None:
    runs = in_turns(bench.runs, lambda: bench.help(bench.pr_agent), lambda: bench.help(bench.mesrai))
    bench.compare("`--help`: CPU", pairs_of(runs, lambda each: each.cpu_s), "s", at_most=0.1)
    bench.compare("`--help`: wall", pairs_of(runs, lambda each: each.wall_s), "s", at_most=0.1)
    bench.compare("`--help`: peak memory", pairs_of(runs, lambda each: each.peak_mib), "MiB", at_most=0.25)


def case_small(bench: Bench) -> None:
    """A change of three files and a model that answers at once, and when its first call begins."""
    bench.model.latency_s = 0
    firsts: dict[str, list[float]] = {"PR-Agent": [], "Mesrai": []}

    def reviewed(tool: Tool) -> Run:
        done = bench.review(tool, SIZES[0])
        _check(tool, done, bench.model)
        firsts[tool.name].append(bench.model.calls[0].first_byte_at - done.began_at)
        return done

    runs = in_turns(bench.runs, lambda: reviewed(bench.pr_agent), lambda: reviewed(bench.mesrai))
    bench.compare("3 files, 0 ms model: CPU", pairs_of(runs, lambda each: each.cpu_s), "s", at_most=0.1)
    bench.compare("3 files, 0 ms model: wall", pairs_of(runs, lambda each: each.wall_s), "s", at_most=0.1)
    bench.compare("3 files, 0 ms model: peak memory", pairs_of(runs, lambda each: each.peak_mib), "MiB", at_most=0.25)
    begun = Pairs(first=tuple(firsts["PR-Agent"][1:]), second=tuple(firsts["Mesrai"][1:]))
    bench.compare("3 files, 0 ms model: start to first byte of first call", begun, "s")


def case_large(bench: Bench) -> None:
    """Changes of every size with a model that takes its time."""
    bench.model.latency_s = bench.latency_s
    for size in SIZES:
        _large(bench, size)


def _large(bench: Bench, size: int) -> None:
    seen: dict[str, list[_Seen]] = {"PR-Agent": [], "Mesrai": []}

    def reviewed(tool: Tool) -> Run:
        done = bench.review(tool, size)
        _check(tool, done, bench.model)
        seen[tool.name].append(_seen(bench, size, done, _left_out(tool, done)))
        return done

    runs = in_turns(max(bench.runs // 2, 1), lambda: reviewed(bench.pr_agent), lambda: reviewed(bench.mesrai))
    latency = bench.latency_s
    head = f"{size} files, {latency:g} s model"
    walls = pairs_of(runs, lambda each: each.wall_s)
    bench.compare(f"{head}: wall", walls, "s")
    if size == SIZES[-1]:
        most = 2 * latency + 1
        shown = (f"{each:.2f} s" for each in walls.medians)
        bench.row(f"{head}: wall", shown, aim=f"at most {most:g} s", met=walls.medians[1] <= most)
    firsts, lasts = seen["PR-Agent"][1:], seen["Mesrai"][1:]
    own = Pairs(first=tuple(each.own_s for each in firsts), second=tuple(each.own_s for each in lasts))
    bench.compare(f"{head}: wall without the model's time", own, "s")
    begun = Pairs(first=tuple(each.first_s for each in firsts), second=tuple(each.first_s for each in lasts))
    bench.compare(f"{head}: start to first byte of first call", begun, "s")
    bench.compare(f"{head}: CPU", pairs_of(runs, lambda each: each.cpu_s), "s")
    bench.compare(f"{head}: peak memory", pairs_of(runs, lambda each: each.peak_mib), "MiB", at_most=0.25)
    change = bench.changes[size]
    last = firsts[-1], lasts[-1]
    shown = (f"{each.files} files, {each.lines} lines ({each.lines / change.added_count:.0%})" for each in last)
    what = f"{head}: shown to the model, of {len(change.files)} files, {change.added_count} lines"
    bench.row(what, shown)
    hidden = [each.unread - each.named for each in last]
    what = f"{head}: files with a line not shown, and not named as left out"
    bench.row(what, (str(len(each)) for each in hidden), aim="0", met=not hidden[1])
    bench.row(f"{head}: calls", (str(each.calls) for each in last))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the stand-in saw of one review."""

    calls: int
    files: int  # of the change, with a section of their own in some prompt
    lines: int  # added lines of the change in some prompt
    unread: frozenset[str]  # files of the change with an added line in no prompt
    named: frozenset[str]  # files that the tool itself says it left out
    first_s: float  # from the start of the process to the first byte of the first call
    own_s: float  # wall time in which no call was being answered


def _seen(bench: Bench, size: int, done: Run, named: frozenset[str]) -> _Seen:
    change, calls = bench.changes[size], bench.model.calls
    shown: dict[str, set[tuple[int, str]]] = {}
    for call in calls:
        for path, lines in call.shown.items():
            shown.setdefault(path, set()).update(lines)
    busy, until = 0.0, 0.0
    for call in sorted(calls, key=lambda each: each.first_byte_at):
        end = call.answered_at or call.first_byte_at
        busy += max(0.0, end - max(until, call.first_byte_at))
        until = max(until, end)
    return _Seen(
        calls=len(calls),
        files=len(shown.keys() & set(change.files)),
        lines=sum(len(lines & shown.get(path, set())) for path, lines in change.added.items()),
        unread=frozenset(path for path, lines in change.added.items() if lines - shown.get(path, set())),
        named=named,
        first_s=calls[0].first_byte_at - done.began_at,
        own_s=done.wall_s - busy,
    )


def case_failures(bench: Bench) -> None:
    """A model that refuses, fails or stays silent: how often it is asked, and what is said in the end.

    On a large change too: who asks several questions at once must not repeat a refusal for each of them.
    """
    bench.model.latency_s = 0
    for failure in FAILURES:
        bench.model.failure = failure
        for size in (SIZES[0], SIZES[-1]):
            _failure(bench, failure, size)
    bench.model.failure = ""


def _failure(bench: Bench, failure: str, size: int) -> None:
    most = {"401": 1, "402": 1, "500": 3, NEVER: 2}[failure]
    short = {"CONFIG__AI_TIMEOUT": str(_SILENCE_S), "MESRAI_CONFIG": str(_limits(bench.there))}
    alone = {**short, "CONFIG__FALLBACK_MODELS": "[]"}
    counts, endings, words = [], [], {}
    for tool, more in ((bench.pr_agent, alone), (bench.pr_agent, short), (bench.mesrai, short)):
        done = bench.review(tool, size, **more)
        counts.append(len(bench.model.calls))
        endings.append(f"{counts[-1]} calls, {_ending(done)}")
        words[tool.name] = _said(tool, done)
    is_met = counts[-1] <= most and done.exit_code not in (0, None)
    theirs = f"{endings[1]}; without its fallback model {endings[0]}"
    what = f"{failure}, {size} files"
    bench.row(what, (theirs, endings[2]), aim=f"at most {most} calls, exit not 0", met=is_met)
    if size == SIZES[0]:
        bench.row(f"{what}: last words", words.values())


def case_no_internet(bench: Bench) -> None:
    """Neither is helped: no setting or cache that only makes up for a missing network.

    Several runs, since PR-Agent does not end in the same way each time: a thread of LiteLLM that retries a download
    may break an import of the main thread.
    """
    bench.model.latency_s = 0
    helped = ("LITELLM_LOCAL_MODEL_COST_MAP", "TIKTOKEN_CACHE_DIR")
    told = []
    for tool in (bench.pr_agent, bench.mesrai):
        bare = replace(tool, env={name: value for name, value in tool.env.items() if name not in helped})
        done = [(bench.review(bare, SIZES[0]), len(bench.model.calls)) for _ in range(bench.runs)]
        ways = Counter(f"{calls} calls and exit {each.exit_code}" for each, calls in done)
        told.append("; ".join(f"{count} times {way}" for way, count in ways.most_common()))
        is_met = all(calls and each.exit_code == 0 for each, calls in done)
    bench.row("no internet, model on loopback", told, aim="works", met=is_met)
    offline = (*bench.mesrai.review, "--offline")
    root = bench.changes[SIZES[-1]].root
    alone = run([bench.mesrai.program, *offline], cwd=root, env=bench.mesrai.env, limit_s=bench.limit_s)
    shown = "does not exist", f"{_ending(alone)}, {alone.peak_mib:.0f} MiB"
    bench.row(f"{SIZES[-1]} files, no model (`--offline`)", shown, aim="works", met=alone.exit_code == 0)


def case_size(bench: Bench) -> None:
    """What an installation of each takes."""
    fresh = bench.there / "environment"
    subprocess.run(["uv", "venv", "-q", "-p", sys.executable, fresh], check=True)
    subprocess.run(["uv", "pip", "install", "-q", "-p", fresh / "bin/python", ROOT], check=True)
    theirs, ours = installed(bench.pr_agent.program.parent.parent), installed(fresh)
    bench.row("installed distributions", (str(theirs[0]), str(ours[0])))
    for what, at in (("installed files", 1), ("installed files with bytecode, as pip leaves it", 2)):
        mine = ours[at]
        shown = f"{theirs[at]:.0f} MiB", f"{mine:.0f} MiB"
        bench.row(what, shown, ratio=f"{mine / theirs[at]:.3f}", aim="at most 100 MiB", met=mine <= 100)


CASES: dict[str, Callable[[Bench], None]] = {
    "help": case_help,
    "small": case_small,
    "large": case_large,
    "failures": case_failures,
    "no-internet": case_no_internet,
    "size": case_size,
}


def _ending(done: Run) -> str:
    ending = "killed" if done.exit_code is None else f"exit {done.exit_code}"
    return f"{ending} after {done.wall_s:.1f} s"


def _left_out(tool: Tool, done: Run) -> frozenset[str]:
    """The files that the tool says it has not read."""
    if tool.name == "Mesrai":
        coverage = json.loads(done.out)["coverage"]
        return frozenset(file["path"] for file in coverage if file["status"] != "reviewed")
    text = Path(tool.env["LOCAL__REVIEW_PATH"]).read_text("utf-8")
    return frozenset(re.findall(r"^- `(.+)`$", text.rpartition("Review coverage")[2], re.MULTILINE))


def _said(tool: Tool, done: Run) -> str:
    """The last line a person is shown; PR-Agent writes its review to a file, and the rest to its log."""
    written = Path(tool.env.get("LOCAL__REVIEW_PATH", os.devnull))
    text = written.read_text("utf-8") if written.exists() else ""
    for said in (text, done.err, done.out):
        lines = [line.strip() for line in _ANSI.sub("", said).splitlines() if line.strip(" {}[],")]
        if lines:
            return lines[-1][:300].replace("|", "/")
    return "nothing"


def _check(tool: Tool, done: Run, model: StandIn) -> None:
    """A figure of a review that did not happen would mean nothing."""
    if done.exit_code != 0 or not model.calls:
        said = (done.err or done.out)[-2000:]
        raise SystemExit(f"{tool.name}: exit {done.exit_code}, {len(model.calls)} model calls. It said:\n{said}")


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _environment(home: Path, **more: str) -> dict[str, str]:
    """What both get: a home of their own, a way out that is closed, and no setting of whoever runs this."""
    home.mkdir()
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _CLOSED)
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
    return {**kept, **closed, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1", "HOME": str(home), **more}


def _pr_agent(program: Path, model: StandIn, there: Path) -> Tool:
    encodings = next(program.parent.parent.glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers"))
    env = _environment(
        there / "home-pr-agent",
        CONFIG__GIT_PROVIDER="local",
        CONFIG__MODEL="openai/stand-in",
        CONFIG__CUSTOM_MODEL_MAX_TOKENS="128000",
        OPENAI__KEY="sk-stand-in",
        OPENAI__API_BASE=model.url,
        LOCAL__REVIEW_PATH=str(there / "pr-agent-review.md"),
        # Without these two it fetches a price list and a tokenizer from the internet first (see the case no-internet).
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        TIKTOKEN_CACHE_DIR=str(encodings),
    )
    return Tool(name="PR-Agent", program=program, review=(f"--pr_url={BASE}", "review"), env=env)


def _mesrai(program: Path, model: StandIn, there: Path) -> Tool:
    env = _environment(
        there / "home-mesrai",
        MESRAI_PROVIDER="openai_compatible",
        MESRAI_BASE_URL=model.url,
        MESRAI_MODEL="stand-in",
        MESRAI_API_KEY="sk-stand-in",
    )
    return Tool(name="Mesrai", program=program, review=("review", "--branch", BASE, "--format", "json"), env=env)


def _limits(there: Path) -> Path:
    """Mesrai's settings file with a short wait for the first part of an answer."""
    file = there / "mesrai.toml"
    file.write_text(f"[limits]\nfirst_token_s = {_SILENCE_S}\nidle_s = {_SILENCE_S}\n")
    return file


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head = ("", "PR-Agent", "Mesrai", "Mesrai to PR-Agent: median (range)", "aim", "met")
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)


def _given() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pr-agent", type=Path, required=True, metavar="PATH", help="PR-Agent's program")
    parser.add_argument("--mesrai", type=Path, default=ROOT / ".venv/bin/mesrai", metavar="PATH")
    parser.add_argument("--only", choices=list(CASES), action="append", help="this case; may be given again")
    parser.add_argument("--runs", type=int, default=5, help="of each program in a case; half of it for large changes")
    parser.add_argument("--latency", type=float, default=2.0, metavar="SECONDS", help="of the model, large changes")
    parser.add_argument("--limit", type=float, default=120.0, metavar="SECONDS", help="after which a run is killed")
    return parser.parse_args()


def main() -> None:
    given = _given()
    with tempfile.TemporaryDirectory() as folder, StandIn() as model:
        there = Path(folder)
        bench = Bench(
            pr_agent=_pr_agent(given.pr_agent.absolute(), model, there),
            mesrai=_mesrai(given.mesrai.absolute(), model, there),
            model=model,
            changes={size: make_change(size, there / f"change-{size}") for size in SIZES},
            there=there,
            runs=given.runs,
            latency_s=given.latency,
            limit_s=given.limit,
        )
        for name in given.only or CASES:
            _tell(f"{name} …")
            CASES[name](bench)
        print(_table(bench.rows))


if __name__ == "__main__":
    main()
