"""What is gathered around a change, from files in memory."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import Files, MemorySource, change_between
from tests.strategies import FEW

from mesrai.domain.change import At
from mesrai.review.code.context import FileContext, gather_context

CART = '''"""The cart."""

from shop.money import rounded

LIMIT = 3


class Cart:
    """What a customer buys."""

    def __init__(self, items):
        self.items = items

    # Adds up.
    def total(self, tax):
        prices = [item.price for item in self.items]
        whole = sum(prices)
        taxed = whole * tax
        kept = whole
        shown = taxed
        done = True
        return taxed

    def is_full(self):
        return len(self.items) > LIMIT
'''
MONEY = '''def rounded(amount):
    """Two digits."""
    return round(amount, 2)


def unused(amount):
    return amount
'''
CHECKOUT = """from shop.cart import Cart


def pay(items):
    # total is what the customer pays
    cart = Cart(items)
    return cart.total(1.19)
"""
TEST = """from shop.cart import Cart


def test_total():
    assert Cart([]).total(1) == 0
"""
SHOP = {"shop/cart.py": CART, "shop/money.py": MONEY, "shop/checkout.py": CHECKOUT, "tests/test_cart.py": TEST}


def gathered(base: Files, head: Files, *, budget: int = 8_000, has_tree: bool = True) -> dict[str, FileContext]:
    source = MemorySource(base, head, has_tree=has_tree)
    change = change_between(base, head)
    return asyncio.run(gather_context(change, source, files=change.files, budget_chars_per_file=budget))


def shop(**changed: tuple[str, str]) -> dict[str, str]:
    """The shop with a text replaced in a file: cart=("old", "new")."""
    files = dict(SHOP)
    for name, (old, new) in changed.items():
        path = f"shop/{name}.py"
        assert files[path].count(old) == 1
        files[path] = files[path].replace(old, new)
    return files


def told(context: FileContext) -> list[str]:
    return [f"{each.kind} {each.path}:{each.start_line}-{each.end_line} {each.why}" for each in context.pieces]


def test_a_changed_body_is_shown_with_its_definition_what_it_calls_its_callers_and_tests() -> None:
    contexts = gathered(SHOP, shop(cart=("        return taxed\n", "        return rounded(taxed)\n")))
    assert list(contexts) == ["shop/cart.py"]
    context = contexts["shop/cart.py"]
    assert told(context) == [
        "enclosing shop/cart.py:14-18 method `Cart.total`, which the change is in",
        "enclosing shop/cart.py:8-8 beginning of class `Cart`, which the change is in",
        "definition shop/money.py:1-3 defines `rounded`, called at line 22",
        "imports shop/cart.py:3-3 imports of the file",
        "caller shop/checkout.py:4-7 calls `total`, whose body changes, in `pay`",
        "test tests/test_cart.py:4-5 calls `total`, whose body changes, in `test_total`",
    ]
    assert context.pieces[0].text == "\n".join(CART.split("\n")[13:18])
    assert (context.language, context.has_syntax_errors) == ("python", False)
    assert [each.qualified for each in context.definitions] == ["Cart.total"]
    assert context.notes == ("Tests named after the file: tests/test_cart.py.",)


def test_callers_come_first_where_the_signature_changes() -> None:
    (context,) = gathered(SHOP, shop(cart=("def total(self, tax):", "def total(self, tax, country):"))).values()
    whys = [each.why for each in context.pieces if each.kind in ("caller", "definition", "test")]
    assert whys[0] == "calls `total`, which changes here, in `pay`"
    assert "`total`, which changes here, is named on 3 lines of 2 other files." in context.notes


def test_those_who_import_or_call_a_removed_function_are_shown() -> None:
    base = shop(cart=("        return taxed\n", "        return rounded(taxed)\n"))
    for head in (
        base | {"shop/money.py": MONEY[MONEY.index("def unused") :]},
        {path: text for path, text in base.items() if path != "shop/money.py"},
    ):
        (context,) = gathered(base, head).values()
        assert told(context)[0] == (
            "caller shop/cart.py:15-22 calls `rounded`, which the change removes, in `Cart.total`"
        )
        assert told(context)[1] == "caller shop/cart.py:1-9 imports `rounded`, which the change removes"


def test_a_use_of_a_class_finds_its_definition_and_a_constructor_means_the_class() -> None:
    contexts = gathered(SHOP, shop(cart=("def __init__(self, items):", "def __init__(self, items, currency):")))
    callers = [each for each in told(contexts["shop/cart.py"]) if each.startswith(("caller", "test"))]
    assert callers == [
        "caller shop/checkout.py:4-7 calls `Cart`, which changes here, in `pay`",
        "test tests/test_cart.py:4-5 calls `Cart`, which changes here, in `test_total`",
    ]


def test_a_changed_value_is_shown_to_those_who_use_it() -> None:
    (context,) = gathered(SHOP, shop(cart=("LIMIT = 3", "LIMIT = 4"))).values()
    assert [each.qualified for each in context.definitions] == ["LIMIT"]
    files = shop(checkout=("def pay", "from shop.cart import LIMIT\n\ndef most():\n    return LIMIT * 2\n\ndef pay"))
    (context,) = gathered(files, files | {"shop/cart.py": CART.replace("LIMIT = 3", "LIMIT = 4")}).values()
    assert told(context)[0] == "caller shop/checkout.py:6-7 uses `LIMIT`, which changes here, in `most`"


def test_a_long_definition_is_cut_to_its_beginning_and_what_is_near() -> None:
    lines = ["def long(first):", *(f"    step_{n} = first + {n}" for n in range(200)), "    return first", ""]
    changed = [*lines[:100], "    step_99 = first", *lines[101:]]
    (context,) = gathered({"a.py": "\n".join(lines)}, {"a.py": "\n".join(changed)}, has_tree=False).values()
    assert told(context) == [
        "enclosing a.py:1-1 function `long`, which the change is in; lines 1 to 202, cut",
        "enclosing a.py:83-97 function `long`, which the change is in; lines 1 to 202, cut",
        "enclosing a.py:105-119 function `long`, which the change is in; lines 1 to 202, cut",
    ]


def test_without_a_tree_only_files_imported_by_a_guessable_path_are_read() -> None:
    base = {"web/cart.ts": "export const a = 1\n", "web/money.ts": "export function rounded(x: number) {}\n"}
    head = base | {"web/cart.ts": "import { rounded } from './money'\nexport const a = rounded(1)\n"}
    (context,) = gathered(base, head, has_tree=False).values()
    assert told(context) == ["definition web/money.ts:1-1 defines `rounded`, called at line 2"]


def test_a_change_in_data_is_shown_with_the_lines_near_it() -> None:
    base = "on:\n" + "".join(f"  key_{n}: {n}\n" for n in range(20))
    (context,) = gathered({"ci.yml": base}, {"ci.yml": base.replace("key_9: 9", "key_9: 8")}).values()
    assert told(context) == ["enclosing ci.yml:7-7 around the change", "enclosing ci.yml:15-15 around the change"]


def test_syntax_errors_are_told() -> None:
    (context,) = gathered({"a.py": "x = 1\n"}, {"a.py": "def f(:\n"}).values()
    assert context.has_syntax_errors


def test_each_file_is_read_once_and_names_are_searched_for_together() -> None:
    count = 60
    base = {f"p/m{n}.py": f"from p.base import base_{n}\n\ndef work_{n}(x):\n    return x\n" for n in range(count)}
    base["p/base.py"] = "".join(f"def base_{n}(x):\n    return x\n\n" for n in range(count))
    head = {path: text.replace("return x\n", "return helper(base_1(x))\n") for path, text in base.items()}
    head["p/base.py"] = base["p/base.py"]
    source = MemorySource(base, head)
    change = change_between(base, head)
    contexts = asyncio.run(gather_context(change, source, files=change.files, budget_chars_per_file=4_000))
    assert len(contexts) == count
    assert set(source.reads.values()) == {1}
    assert source.memory_tree is not None
    assert len(source.memory_tree.searches) <= 4


@pytest.mark.parametrize("budget", [0, 300, 1_000, 4_000])
def test_the_budget_holds(budget: int) -> None:
    (context,) = gathered(
        SHOP, shop(cart=("def total(self, tax):", "def total(self, tax, land):")), budget=budget
    ).values()
    assert sum(each.chars for each in context.pieces) <= budget


LINES = st.sampled_from([f"{line}\n" for text in SHOP.values() for line in text.splitlines()])
TEXT = st.lists(LINES, max_size=30).map("".join)
PATHS = ("shop/cart.py", "shop/money.py", "shop/a.go", "shop/b.ts", "ci.yml", "tests/test_cart.py", "C.java", "d.rb")
FILES = st.dictionaries(st.sampled_from(PATHS), TEXT, max_size=5)


@FEW
@given(base=FILES, head=FILES, budget=st.integers(0, 6_000))
def test_pieces_are_lines_of_the_head_that_the_file_does_not_show_yet(base: Files, head: Files, budget: int) -> None:
    source = MemorySource(base, head)
    change = change_between(base, head)
    contexts = asyncio.run(gather_context(change, source, files=change.files, budget_chars_per_file=budget))
    assert set(contexts) == {file.path for file in change.files if file.hunks}
    for file in change.files:
        if not file.hunks:
            continue
        shown = {line.new for hunk in file.hunks for line in hunk.lines}
        seen: set[tuple[str, int]] = set()
        for piece in contexts[file.path].pieces:
            lines = str(head[piece.path]).split("\n")
            assert piece.text == "\n".join(lines[piece.start_line - 1 : piece.end_line])
            numbers = range(piece.start_line, piece.end_line + 1)
            own = [number for number in numbers if piece.path != file.path or number not in shown]
            assert own
            assert {number for number in own if (piece.path, number) not in seen}
            seen |= {(piece.path, number) for number in numbers}
        assert sum(each.chars for each in contexts[file.path].pieces) <= budget
    assert all(count == 1 for (_, at), count in source.reads.items() if at is At.HEAD)
