"""The fixed rules find what is obvious in added lines, and nothing in lines that are fine."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesrai.sandbox.problems import RULES, rules_broken
from mesrai.sandbox.reading import added_in, claims_in
from mesrai.sandbox.rules import answer_by_rule
from mesrai.sandbox.thoughts import thoughts_about

FOUND = [
    ("a.py", "x = eval(text)", "Text from outside is run as code"),
    ("a.js", "return eval(code)", "Text from outside is run as code"),
    ("a.py", "run(cmd, shell=True)", "The command goes through a shell"),
    ("a.py", "    except:", "Every error is caught, also those that should end the program"),
    ("a.rs", "// FIXME: wrong", "The change leaves a known fault in place"),
    ("a.tsx", "node.innerHTML = note;", "Text is put into the page as HTML"),
    ("a.py", 'db.execute(f"SELECT * FROM t WHERE id = {key}")', "A query is put together from text"),
    ("a.java", 'st.executeQuery("select * from t where id = " + id);', "A query is put together from text"),
    ("a.ts", "db.query(`DELETE FROM t WHERE id = ${id}`)", "A query is put together from text"),
    ("a.py", "yaml.load(stream)", "Data is read in a way that can run code"),
    ("a.py", "pickle.loads(raw)", "Data is read in a way that can run code"),
    ("a.py", "requests.get(url, verify=False)", "The server's certificate is not checked"),
    ("a.go", "tls.Config{InsecureSkipVerify: true}", "The server's certificate is not checked"),
    ("a.js", "{ rejectUnauthorized: false }", "The server's certificate is not checked"),
    ("a.py", "def add(item, to=[]):", "A default value is shared between all calls"),
    ("a.py", 'assert (x == 1, "no")', "The assertion is always true"),
    ("A.java", 'if (name == "admin") {', "Two strings are compared by identity"),
    ("a.c", "strcpy(to, from);", "The length of what is copied is not checked"),
    ("a.js", "const token = Math.random().toString(36)", "A secret is made from numbers that can be guessed"),
    ("deploy.sh", "chmod 777 /srv", "Everybody on the machine may write here"),
    ("clean.sh", "rm -rf $DIR/", "An empty variable makes this delete from the root"),
    ("a.ts", "} catch (e) {}", "An error is caught and forgotten"),
]
FINE = [
    ("a.py", "x = literal_eval(text)"),
    ("a.py", "model.eval()"),
    ("a.js", "const m = pattern.exec(text)"),
    ("a.py", "# eval(text) was here"),
    ("a.md", "except:"),
    ("a.py", "except ValueError:"),
    ("a.js", "if (node.innerHTML === '') {"),
    ("a.py", 'db.execute("SELECT * FROM t WHERE id = ?", [key])'),
    ("a.py", 'log.info(f"selected {key}")'),
    ("a.py", "yaml.load(stream, Loader=yaml.SafeLoader)"),
    ("a.py", "def add(item, to=None):"),
    ("a.py", 'assert x == 1, "no"'),
    ("a.js", 'if (name == "admin") {'),
    ("a.js", "const jitter = Math.random()"),
    ("clean.sh", 'rm -rf "${DIR:?}/cache"'),
    ("a.ts", "} catch (e) { report(e) }"),
    ("a.c", "snprintf(to, size, from);"),
]


@pytest.mark.parametrize(("path", "line", "title"), FOUND)
def test_an_obvious_defect_is_found(path: str, line: str, title: str) -> None:
    assert [rule.title for rule in rules_broken(path, line)] == [title]


@pytest.mark.parametrize(("path", "line"), FINE)
def test_a_line_that_is_fine_is_left_alone(path: str, line: str) -> None:
    assert list(rules_broken(path, line)) == []


def test_every_rule_is_shown_to_find_something() -> None:
    assert {rule.title for rule in RULES} == {title for _, _, title in FOUND}
    assert len(RULES) >= 10


def test_a_fix_is_offered_where_one_word_mends_it() -> None:
    mended = {line: next(iter(rules_broken(path, line))).mended(line) for path, line, _ in FOUND}
    assert {line: new for line, new in mended.items() if new is not None} == {
        "    except:": "    except Exception:",
        "yaml.load(stream)": "yaml.safe_load(stream)",
    }


def a_review(*lines: str, path: str = "src/a.py") -> str:
    shown = "\n".join(lines)
    return (
        f"Review this part of the change:\n\n<<<f\n## File {path}\n(modified)\n\n"
        f"### The file from line 1\n{shown}\n>>>f"
        "\n\nAnswer with one JSON object and nothing else.\nThe form of the answer:\n"
        '{"files": [], "findings": [], "summary": "<string>"}'
    )


def body_of(question: str, *tools: str, **more: Any) -> dict[str, Any]:
    offered = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in tools]
    return {"messages": [{"role": "user", "content": question}], "tools": offered, **more}


MARKS = st.sampled_from(["+", "-", " "])
LINES = st.lists(st.tuples(MARKS, st.sampled_from([line for path, line, _ in FOUND if path == "a.py"])), max_size=8)


@settings(deadline=None)
@given(LINES)
def test_only_added_lines_are_ever_found(lines: list[tuple[str, str]]) -> None:
    question = a_review(*(f"{number:>5} {mark} {text}" for number, (mark, text) in enumerate(lines, 1)))
    answer = answer_by_rule(body_of(question))
    assert isinstance(answer, str)
    found = {(each["line"], each["quote"]) for each in json.loads(answer)["findings"]}
    assert found == {(number, text) for number, (mark, text) in enumerate(lines, 1) if mark == "+"}
    assert len(list(added_in(question))) == sum(mark == "+" for mark, _ in lines)


def test_a_problem_whose_surroundings_matter_is_looked_at_once_before_it_is_answered() -> None:
    question = a_review("   40 +     except:")
    first = answer_by_rule(body_of(question, "read_file", "search_text"))
    assert first == {
        "tool_calls": [
            {"name": "read_file", "arguments": {"path": "src/a.py", "start_line": 20, "end_line": 60}},
        ]
    }
    searched = answer_by_rule(body_of(question, "search_text"))
    assert searched == {"tool_calls": [{"name": "search_text", "arguments": {"text": "except:"}}]}
    after = body_of(question, "read_file")
    after["messages"] += [{"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "x"}]
    answer = answer_by_rule(after)
    assert isinstance(answer, str)
    assert [each["line"] for each in json.loads(answer)["findings"]] == [40]


@pytest.mark.parametrize(
    "body",
    [
        body_of(a_review("    1 + x = 1"), "read_file"),
        body_of(a_review("    1 +     except:")),
        body_of(a_review("    1 +     except:"), "read_file", tool_choice="none"),
    ],
    ids=["nothing found", "no tools", "no calls allowed"],
)
def test_nothing_is_looked_up_without_need_or_leave(body: dict[str, Any]) -> None:
    assert isinstance(answer_by_rule(body), str)


def test_the_summary_says_that_no_model_looked() -> None:
    answer = answer_by_rule(body_of(a_review("    1 + x = 1")))
    assert isinstance(answer, str)
    assert json.loads(answer)["summary"] == "Looked through by fixed rules, not by a model: 1 added lines."


VERIFY = """The findings:

<<<f
1. Text from outside is run as code (high, security; a.py, line 3)
Quoted code:
x = eval(y)
2. Every error is caught (medium, bug; a.py, line 9)
Quoted code:
    except:
Proposed replacement of the quoted lines:
    except Exception:
>>>f

Give one verdict for each finding, numbered 1 to 3.
The form of the answer:
{"verdicts": []}"""


def test_verdicts_keep_the_severity_and_judge_the_replacement() -> None:
    answer = answer_by_rule(body_of(VERIFY))
    assert isinstance(answer, str)
    verdicts = json.loads(answer)["verdicts"]
    assert [(each["number"], each["severity"], each["replacement"]) for each in verdicts] == [
        (1, "high", "none"),
        (2, "medium", "right"),
        (3, "medium", "none"),
    ]
    assert [claim.number for claim in claims_in(VERIFY)] == [1, 2, 3]


def test_thoughts_name_what_is_looked_at_and_grow_with_the_effort() -> None:
    body = body_of(a_review("    1 + x = eval(y)", "    2 + y = 1"))
    thoughts = [thoughts_about({**body, "reasoning_effort": effort}) for effort in ("low", "high", "max")]
    assert thoughts[0] == "I look at src/a.py, 2 added lines."
    assert "src/a.py, line 1: text from outside is run as code?" in thoughts[1]
    assert "src/a.py:2 'y = 1': nothing to see." in thoughts[2]
    assert len(thoughts[0]) < len(thoughts[1]) < len(thoughts[2])
    assert thoughts_about(body) == thoughts[1]
    assert len(thoughts_about(body_of("Hello?"))) < 40
