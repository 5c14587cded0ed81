import pytest

from mesrai.errors import SettingsError
from mesrai.settings.serving import load_serving


@pytest.mark.parametrize(("told", "days"), [({}, 14), ({"MESRAI_KEEP_PROMPTS_DAYS": " 0 "}, 0)])
def test_what_models_are_asked_is_kept_so_long(told: dict[str, str], days: int) -> None:
    assert load_serving(told).keep_prompts_days == days


@pytest.mark.parametrize("text", ["-1", "1.5", "ever", "99999"])
def test_what_is_no_number_of_days_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="MESRAI_KEEP_PROMPTS_DAYS"):
        load_serving({"MESRAI_KEEP_PROMPTS_DAYS": text})
