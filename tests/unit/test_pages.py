"""What is generated from the code says what the code says."""

from tests.code_map import PAGE, code_map, page_with


def test_code_map_of_the_architecture_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page_with(code_map()), "run: python -m tests.code_map"
