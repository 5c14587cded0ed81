"""Where names are defined and used, in a tree in memory."""

import asyncio

from tests.fakes import Files, MemorySource

from mesrai.review.code.lookup import FoundDefinition, FoundUse, Names, find_definition, find_references

FILES = {
    "a/cart.py": "# total of a cart\nclass Cart:\n    # Adds up.\n    def total(self):\n        return 1\n",
    "a/order.py": "class Order:\n    def total(self):\n        return 2\n",
    "a/pay.py": 'from a.cart import total\n\ndef pay(a):\n    """total"""\n    log("total")\n    return a.total()\n',
    "a/view.py": "shown = [pay.total, 1]\n",
    "b/cart.go": "package b\n\nfunc (c *Cart) Total() int { return total(c) }\nfunc total(c *Cart) int { return 3 }\n",
    "b/total.sh": "total() {\n  echo\n}\ntotal\n",
    "README.md": "total is a function\n",
}


def definitions(name: str, files: Files = FILES) -> list[FoundDefinition]:
    source = MemorySource({}, files)
    assert source.tree is not None
    return list(asyncio.run(find_definition(source.tree, source, name)))


def references(name: str, files: Files = FILES) -> list[FoundUse]:
    source = MemorySource({}, files)
    assert source.tree is not None
    return list(asyncio.run(find_references(source.tree, source, name)))


def test_definitions_are_found_in_all_languages_with_the_comment_above_them() -> None:
    found = definitions("total")
    assert {(each.path, each.start_line, each.end_line) for each in found} == {
        ("a/cart.py", 3, 5),
        ("a/order.py", 2, 3),
        ("b/cart.go", 4, 4),
        ("b/total.sh", 1, 3),
    }
    (cart,) = [each for each in found if each.path == "a/cart.py"]
    assert cart.text == "    # Adds up.\n    def total(self):\n        return 1"


def test_a_qualified_name_means_the_one_in_that_class() -> None:
    for name in ("Cart.total", "a.cart.Cart.total", "Cart::total()", "Cart#total"):
        assert [each.path for each in definitions(name) if each.definition.parent] == ["a/cart.py"]
        assert definitions(name)[0].path == "a/cart.py"


def test_references_are_calls_first_without_comments_texts_imports_and_definitions() -> None:
    assert references("total") == [
        FoundUse(path="a/pay.py", line=6, text="    return a.total()", is_call=True),
        FoundUse(path="b/cart.go", line=3, text="func (c *Cart) Total() int { return total(c) }", is_call=True),
        FoundUse(path="a/view.py", line=1, text="shown = [pay.total, 1]", is_call=False),
        FoundUse(path="b/total.sh", line=4, text="total", is_call=False),
    ]


def test_what_is_no_name_is_found_nowhere() -> None:
    for name in ("", " ", "a b", "total;", "(", "::", "[a-z]*", "x" * 150):
        assert definitions(name) == []
        assert references(name) == []


def test_a_long_definition_is_cut() -> None:
    text = "def long():\n" + "".join(f"    a_{n} = 1\n" for n in range(300))
    (found,) = definitions("long", {"a.py": text})
    assert (found.start_line, found.end_line, found.text.count("\n")) == (1, 301, 119)


def test_many_names_are_searched_for_at_once_and_the_commonest_given_up() -> None:
    files = {f"f{n:04}.py": "common()\n" * 3 for n in range(3_000)} | {"z.py": "def rare(): pass\nrare()\n"}
    source = MemorySource({}, files)
    assert source.memory_tree is not None
    names = Names(tree=source.memory_tree)
    found = asyncio.run(names.search(["common", "rare"]))
    assert [(match.path, match.line) for match in found["rare"]] == [("z.py", 1), ("z.py", 2)]
    assert names.capped == {"common"}
    assert names.definers("rare") == ["z.py"]
    assert source.memory_tree.searches == ["common|rare", "rare"]
