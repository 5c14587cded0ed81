"""A check run that is there already is brought up to date once, whatever becomes of the answer."""

from typing import Any

import pytest
from tests.unit.forges.github.scripted import SHA, Says, Script, Talk, talk

from mesrai.errors import ForgeUnavailable
from mesrai.forges.forge import Annotation, Check, Conclusion

RUN = "/repos/acme/shop/check-runs/8"
ROW = {"path": "a.py", "start_line": 1, "end_line": 1, "annotation_level": "notice", "title": "T", "message": "M"}
AS_IT_WAS = {"status": "in_progress", "conclusion": None, "output": {"title": "It runs"}}
AS_IT_SHOULD_BE = {"status": "completed", "conclusion": "success", "output": {"title": "Reviewed"}}


def a_check(*titles: str) -> Check:
    annotations = [
        Annotation(path="a.py", first_line=1, last_line=1, level="notice", title=title, message="M") for title in titles
    ]
    return Check(sha=SHA, title="Reviewed", summary="S", conclusion=Conclusion.SUCCESS, annotations=tuple(annotations))


def put(check: Check, *, stands: Any, standing: list[Any], says: list[Says]) -> list[Any]:
    """What was sent."""

    async def ask(to: Talk) -> int | None:
        return await to.shop.put_check(check, id=8)

    script: Script = {
        f"GET {RUN}": Says(body=stands),
        f"GET {RUN}/annotations": Says(body=standing),
        f"PATCH {RUN}": says,
    }
    _, github = talk(script, ask)
    return [asked.body for asked in github.asked if asked.method == "PATCH"]


def test_what_had_no_effect_is_sent_again_so_that_no_check_hangs() -> None:
    sent = put(a_check(), stands=AS_IT_WAS, standing=[], says=[Says(status=502), Says(body={})])

    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_what_had_its_effect_is_not_sent_again() -> None:
    assert len(put(a_check(), stands=AS_IT_SHOULD_BE, standing=[], says=[Says(status=502)])) == 1


def test_what_fails_twice_is_given_up() -> None:
    with pytest.raises(ForgeUnavailable):
        put(a_check(), stands=AS_IT_WAS, standing=[], says=[Says(status=502)])


def test_annotations_that_stand_there_are_not_added_again() -> None:
    [sent] = put(a_check("T", "Another"), stands=AS_IT_WAS, standing=[ROW], says=[Says(body={})])

    assert [each["title"] for each in sent["output"]["annotations"]] == ["Another"]
