import pytest

from mesrai.errors import SettingsError
from mesrai.settings.serving import load_serving


@pytest.mark.parametrize(("told", "lease_s"), [({}, 60.0), ({"MESRAI_LEASE_S": "3"}, 3.0)])
def test_how_long_a_job_is_held_can_be_set(told: dict[str, str], lease_s: float) -> None:
    assert load_serving(told).lease_s == lease_s


@pytest.mark.parametrize("text", ["2", "3601", "-5", "3.5", "soon", "٣٠"])
def test_a_lease_that_is_no_sensible_number_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="MESRAI_LEASE_S"):
        load_serving({"MESRAI_LEASE_S": text})
