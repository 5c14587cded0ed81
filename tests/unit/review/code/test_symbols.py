"""Outlines of one sample a language, as whole values, and what must hold of any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import FEW

from mesrai.review.code.symbols import Outline, parse, parses_no_worse, symbol_at

SAMPLES = {
    "cart.py": '''from a.b import (c as d,
    e)
import q

LIMIT: int = 3
@first
@second("ü")
async def größe(a: "Ä" = 1) -> int:
    """Ünïcödé"""
    inside = 1
    def inner():
        return zählen(a)
    return inner() + q.call(inside)
class Cart(Base):
    total: int = 0
    @property
    def size(self): return f"{self.count()} äöü"
shorten = lambda x: cut(x)
''',
    "cart.js": """import { a } from './a.js'
const b = require('b')
export class Cart extends Base {
  #größe = 1
  total(x) { const ä = 1; return this.sum(x) }
  onClick = () => { go(`ü${x}`) }
}
export const arrow = async (x) => run(x)
function outer() { function inner() {} }
const table = { key: () => 1, method() {} }
exports.named = function () {}
""",
    "cart.ts": """import type { A } from '../a'
@Component({
  selector: 'ü',
})
export class Cart<T> implements I {
  @Input() size = 1
  @Log()
  public async total(a: number): Promise<T> { return this.sum<T>(a) }
}
interface I { total(): void }
type Alias = A | B
enum Color { Red }
namespace Inner { export function help() {} }
declare function ambient(a: number): void
""",
    "cart.tsx": """export const View = ({ x }: P) => <Card title={label(x)}>ü</Card>
export default function Page() { return <View x={1} /> }
""",
    "cart.go": """package cart

import (
	"fmt"
	x "example.org/x"
)

type Cart struct{ größe int }
type Store interface {
	Load(id int) error
}
const Limit = 3
var byName = map[string]int{"ü": 1}

func (c *Cart[T]) Total(x int) (int, error) {
	local := 1
	return fmt.Sum(local), c.check(x)
}
func main() {}
""",
    "Cart.java": """package a.b;
import a.b.C;

@Entity
public class Cart<T> extends Base {
    private static final int LIMIT = 1;
    @Override
    public int total(int x) throws E {
        int größe = 1;
        return this.sum(x) + new Item<>("ü").price();
    }
    Cart() {}
    enum Color { RED }
    interface Store { void load(); }
    record Pair(int a) {}
}
""",
    "cart.rb": """require 'a/b'
module Shop
  class Cart < Base
    LIMIT = 1
    def total(x) = sum(x)
    def self.größe
      puts "ü#{call_it}"
      obj.command x
    end
    private def hidden; end
  end
end
""",
    "cart.rs": """use crate::a::{b, c};

#[derive(Debug)]
/// ü
pub struct Cart<T> { a: T }

impl<T> Store for Cart<T> {
    #[inline]
    pub fn total(&self, x: i32) -> i32 {
        log!("ü");
        self.sum::<T>(x) + m::help(1)
    }
}
trait Store { fn total(&self); }
enum Color { Red(i32) }
macro_rules! twice { () => {} }
const LIMIT: i32 = 1;
mod inner { fn help() {} }
""",
    "cart.c": """#include "a.h"
#define LIMIT 3
typedef struct item { int q; } item_t;
static struct cart *make(int a) { return call(a)->next("ü"); }
int sizes[] = {1};
int total(struct cart *c);
""",
    "cart.cpp": """#include <vector>
namespace shop {
template <typename T>
class Cart : public Base<T> {
 public:
  Cart();
  int total(int x) const { int größe = 1; return this->sum(x); }
  static const int limit = 1;
};
}
int shop::Cart<int>::size(int *p) { return help<int>(p); }
using Alias = int;
""",
    "Cart.cs": """using System;
namespace Shop;
[Serializable]
public class Cart : Base
{
    private const int Limit = 1;
    public int Size { get; set; }
    [Fact]
    public async Task<int> Total(int x)
    {
        int Local(int y) => y;
        return this.Sum<int>(x) + new Item($"ü{x}").Price();
    }
    public Cart() {}
}
interface IStore { void Load(); }
enum Color { Red }
record Pair(int A);
""",
    "cart.php": """<p>ü</p><?php
namespace Shop;
use A\\{B, C};
#[Attr]
final class Cart extends Base {
    const LIMIT = 1;
    public int $größe = 2;
    #[Pure]
    public function total(int $x): int { return $this->sum($x) + self::help() + new Item(1); }
}
interface Store {}
function free() { $c = function () {}; }
""",
    "cart.kt": """package shop
import a.b.C

@Entity
class Cart(val a: Int) : Base() {
    @Deprecated("ü")
    fun total(x: Int): Int {
        val größe = 1
        return sum(x)
    }
    val size: Int get() = 3
    companion object {
        const val LIMIT = 1
    }
}
object Single { fun one() = 1 }
fun String.ext() = help()
typealias Alias = Int
""",
    "cart.vue": """<template>
  <p>ü</p>
</template>
<script setup lang="ts">
import X from './X.vue'
const go = () => { run(X) }
</script>
""",
    "cart.sh": """#!/bin/sh
. ./lib.sh
total() {
  echo "ü"
}
function clean {
  total
}
""",
    "cart.swift": """import Foundation
public class Cart<T> {
    // func notThis() {
    @objc private func total(_ x: Int) -> Int {
        return sum(x)
    }
}
""",
    "cart.lua": """local x = require "a"
function M.total(a)
  if a then
    return 1
  end
end
local function help() return M.total(1) end
""",
    "cart.ex": """defmodule Shop.Cart do
  def total(x) do
    sum(x)
  end
end
""",
    "schema.sql": """CREATE TABLE IF NOT EXISTS carts (
  id int
);
create or replace function total(x int) returns int as $$
  select 1
$$;
""",
    "main.tf": """resource "aws_instance" "web" {
  ami = "x"
}
""",
    "Makefile": "all: build\n\t@echo ü\nbuild:\n\tcc x\n",
}


def told(outline: Outline) -> str:
    """An outline as text: language, imports, definitions, calls."""
    imports = ", ".join(f"{each.start_line}-{each.end_line}" for each in outline.imports)
    lines = [f"{outline.language.name}{'' if outline.has_syntax else ' (by its look)'}; imports {imports or 'none'}"]
    for each in outline.definitions:
        place = f"{each.start_line}-{each.end_line}, named on {each.name_line}, body after {each.signature_end_line}"
        lines.append(f"{each.kind} {each.qualified}: {place}")
    calls = (f"{use.name}@{use.line}" for use in outline.uses(1, outline.line_count) if use.is_call)
    lines.append(f"calls {' '.join(calls) or 'none'}")
    return "\n".join(lines) + "\n"


EXPECTED = {
    "cart.py": """python; imports 1-2, 3-3
constant LIMIT: 5-5, named on 5, body after 5
function größe: 6-13, named on 8, body after 8
function größe.inner: 11-12, named on 11, body after 11
class Cart: 14-17, named on 14, body after 14
constant Cart.total: 15-15, named on 15, body after 15
method Cart.size: 16-17, named on 17, body after 17
function shorten: 18-18, named on 18, body after 18
calls second@7 zählen@12 inner@13 call@13 count@17 cut@18
""",
    "cart.js": """javascript; imports 1-1, 2-2
constant b: 2-2, named on 2, body after 2
class Cart: 3-7, named on 3, body after 3
constant Cart.#größe: 4-4, named on 4, body after 4
method Cart.total: 5-5, named on 5, body after 5
method Cart.onClick: 6-6, named on 6, body after 6
function arrow: 8-8, named on 8, body after 8
function outer: 9-9, named on 9, body after 9
function outer.inner: 9-9, named on 9, body after 9
constant table: 10-10, named on 10, body after 10
function table.key: 10-10, named on 10, body after 10
function table.method: 10-10, named on 10, body after 10
function named: 11-11, named on 11, body after 11
calls sum@5 go@6 run@8
""",
    "cart.ts": """typescript; imports 1-1
class Cart: 2-9, named on 5, body after 5
constant Cart.size: 6-6, named on 6, body after 6
method Cart.total: 7-8, named on 8, body after 8
interface I: 10-10, named on 10, body after 10
method I.total: 10-10, named on 10, body after 10
type Alias: 11-11, named on 11, body after 11
enum Color: 12-12, named on 12, body after 12
module Inner: 13-13, named on 13, body after 13
function Inner.help: 13-13, named on 13, body after 13
function ambient: 14-14, named on 14, body after 14
calls Component@2 Input@6 Log@7 sum@8
""",
    "cart.tsx": """tsx; imports none
function View: 1-1, named on 1, body after 1
function Page: 2-2, named on 2, body after 2
calls label@1
""",
    "cart.go": """go; imports 3-6
type Cart: 8-8, named on 8, body after 8
type Store: 9-11, named on 9, body after 9
method Store.Load: 10-10, named on 10, body after 10
constant Limit: 12-12, named on 12, body after 12
constant byName: 13-13, named on 13, body after 13
method Cart.Total: 15-18, named on 15, body after 15
function main: 19-19, named on 19, body after 19
calls Sum@17 check@17
""",
    "Cart.java": """java; imports 2-2
class Cart: 4-16, named on 5, body after 5
constant Cart.LIMIT: 6-6, named on 6, body after 6
method Cart.total: 7-11, named on 8, body after 8
method Cart.Cart: 12-12, named on 12, body after 12
enum Cart.Color: 13-13, named on 13, body after 13
constant Cart.Color.RED: 13-13, named on 13, body after 13
interface Cart.Store: 14-14, named on 14, body after 14
method Cart.Store.load: 14-14, named on 14, body after 14
class Cart.Pair: 15-15, named on 15, body after 15
calls sum@10 Item@10 price@10
""",
    "cart.rb": """ruby; imports 1-1
module Shop: 2-12, named on 2, body after 2
class Shop.Cart: 3-11, named on 3, body after 3
constant Shop.Cart.LIMIT: 4-4, named on 4, body after 4
method Shop.Cart.total: 5-5, named on 5, body after 5
method Shop.Cart.größe: 6-9, named on 6, body after 6
method Shop.Cart.hidden: 10-10, named on 10, body after 10
calls sum@5 puts@7 command@8 private@10
""",
    "cart.rs": """rust; imports 1-1
class Cart: 3-5, named on 5, body after 5
class Cart: 7-13, named on 7, body after 7
method Cart.total: 8-12, named on 9, body after 9
interface Store: 14-14, named on 14, body after 14
method Store.total: 14-14, named on 14, body after 14
enum Color: 15-15, named on 15, body after 15
macro twice: 16-16, named on 16, body after 16
constant LIMIT: 17-17, named on 17, body after 17
module inner: 18-18, named on 18, body after 18
function inner.help: 18-18, named on 18, body after 18
calls derive@3 log@10 sum@11 help@11 Red@15
""",
    "cart.c": """c; imports 1-1
macro LIMIT: 2-2, named on 2, body after 2
type item_t: 3-3, named on 3, body after 3
class item: 3-3, named on 3, body after 3
function make: 4-4, named on 4, body after 4
constant sizes: 5-5, named on 5, body after 5
function total: 6-6, named on 6, body after 6
calls call@4 next@4
""",
    "cart.cpp": """cpp; imports 1-1
module shop: 2-10, named on 2, body after 2
class shop.Cart: 3-9, named on 4, body after 4
method shop.Cart.Cart: 6-6, named on 6, body after 6
method shop.Cart.total: 7-7, named on 7, body after 7
constant shop.Cart.limit: 8-8, named on 8, body after 8
method Cart.size: 11-11, named on 11, body after 11
type Alias: 12-12, named on 12, body after 12
calls sum@7 help@11
""",
    "Cart.cs": """csharp; imports 1-1
class Cart: 3-15, named on 4, body after 4
constant Cart.Limit: 6-6, named on 6, body after 6
constant Cart.Size: 7-7, named on 7, body after 7
method Cart.Total: 8-13, named on 9, body after 9
function Cart.Total.Local: 11-11, named on 11, body after 11
method Cart.Cart: 14-14, named on 14, body after 14
interface IStore: 16-16, named on 16, body after 16
method IStore.Load: 16-16, named on 16, body after 16
enum Color: 17-17, named on 17, body after 17
class Pair: 18-18, named on 18, body after 18
calls Sum@12 Item@12 Price@12
""",
    "cart.php": """php; imports 3-3
class Cart: 4-10, named on 5, body after 5
constant Cart.LIMIT: 6-6, named on 6, body after 6
constant Cart.größe: 7-7, named on 7, body after 7
method Cart.total: 8-9, named on 9, body after 9
interface Store: 11-11, named on 11, body after 11
function free: 12-12, named on 12, body after 12
calls sum@9 help@9 Item@9
""",
    "cart.kt": """kotlin; imports 2-2
class Cart: 4-15, named on 5, body after 5
method Cart.total: 6-10, named on 7, body after 7
constant Cart.size: 11-11, named on 11, body after 11
class Cart.Companion: 12-14, named on 12, body after 12
constant Cart.Companion.LIMIT: 13-13, named on 13, body after 13
class Single: 16-16, named on 16, body after 16
method Single.one: 16-16, named on 16, body after 16
function ext: 17-17, named on 17, body after 17
type Alias: 18-18, named on 18, body after 18
calls Base@5 Deprecated@6 sum@9 help@17
""",
    "cart.vue": """vue; imports 5-5
function go: 6-6, named on 6, body after 6
calls run@6
""",
    "cart.sh": """shell (by its look); imports 2-2
function total: 3-5, named on 3, body after 3
function clean: 6-8, named on 6, body after 6
calls none
""",
    "cart.swift": """swift (by its look); imports 1-1
class Cart: 2-8, named on 2, body after 2
method Cart.total: 4-6, named on 4, body after 4
calls sum@5
""",
    "cart.lua": """lua (by its look); imports 1-1
function M.total: 2-6, named on 2, body after 2
function help: 7-7, named on 7, body after 7
calls total@2 total@7
""",
    "cart.ex": """elixir (by its look); imports none
class Shop.Cart: 1-5, named on 1, body after 1
method Shop.Cart.total: 2-4, named on 2, body after 2
calls sum@3
""",
    "schema.sql": """sql (by its look); imports none
type carts: 1-3, named on 1, body after 1
function total: 4-5, named on 4, body after 4
calls none
""",
    "main.tf": """terraform (by its look); imports none
block aws_instance.web: 1-3, named on 1, body after 1
calls none
""",
    "Makefile": """make (by its look); imports none
block all: 1-2, named on 1, body after 1
block build: 3-4, named on 3, body after 3
calls none
""",
}


@pytest.mark.parametrize("path", SAMPLES)
def test_the_outline_of_a_sample_names_all_it_defines_imports_and_calls(path: str) -> None:
    outline = parse(SAMPLES[path], path)
    assert told(outline) == EXPECTED[path]
    assert outline.error_count == 0


@pytest.mark.parametrize("path", SAMPLES)
def test_windows_line_ends_change_nothing(path: str) -> None:
    assert told(parse(SAMPLES[path].replace("\n", "\r\n"), path)) == EXPECTED[path]


def test_a_line_is_enclosed_by_its_innermost_definition() -> None:
    outline = parse(SAMPLES["cart.py"], "cart.py")
    found = [outline.enclosing(line) for line in (4, 6, 10, 12, 17)]
    assert [each.qualified if each else None for each in found] == [None, "größe", "größe", "größe.inner", "Cart.size"]
    assert [each.name for each in outline.around(17)] == ["Cart", "size"]
    assert [each.name for each in outline.definitions_in(13, 15)] == ["größe", "Cart", "total"]


def test_a_use_is_told_from_a_comment_a_text_and_a_definition() -> None:
    outline = parse("def run(): pass\n# run\nx = 'run'\ny = f'{run()}'; run\nimport run\n", "a.py")
    assert [[use.is_call for use in outline.uses_of("run", line)] for line in range(1, 6)] == [
        [],
        [],
        [],
        [True, False],
        [],
    ]


def test_without_a_grammar_comments_are_still_no_uses() -> None:
    outline = parse("foo() {\n  bar 1\n}\n# foo\nfoo\n", "a.sh")
    assert [len(outline.uses_of("foo", line)) for line in range(1, 6)] == [0, 0, 0, 0, 1]


def test_a_header_with_classes_is_read_as_cpp() -> None:
    assert parse("class Cart {\n int total();\n};\n", "cart.h").language.name == "cpp"
    assert parse("struct cart { int total; };\n", "cart.h").language.name == "c"


def test_a_script_without_a_suffix_is_known_by_its_first_line() -> None:
    outline = parse("#!/usr/bin/env -S python3.11 -u\ndef main():\n    pass\n", "bin/tool")
    assert (outline.language.name, [each.name for each in outline.definitions]) == ("python", ["main"])


def test_the_comment_above_a_definition_is_found_by_the_comment_syntax() -> None:
    text = "int a;\n/**\n * What it does.\n */\n// and more\nint total(void) { return 1; }\n"
    assert parse(text, "a.c").comment_start(6) == 2


def test_a_block_without_a_definition_is_the_outermost_statement_or_what_is_indented() -> None:
    assert parse("a = 1\nif a:\n    b = 2\n    c = 3\nd = 4\n", "a.py").block(3) == (2, 4)
    assert parse("on:\n  push:\n    a: 1\n    b: 2\njobs: 3\n", "a.yml").block(3) == (2, 4)


def test_a_file_too_large_or_nested_absurdly_is_read_by_its_look() -> None:
    assert not parse("x = 1\n" * 400_000, "a.py").has_syntax
    assert not parse("(" * 2_000, "a.py").has_syntax
    assert not parse("".join(f"a{n} < " for n in range(1_000)), "A.java").has_syntax
    assert not parse("a=>" * 2_000, "A.java").has_syntax


def test_fifty_thousand_lines_are_outlined_whole() -> None:
    text = "".join(f"def work_{n}(value):\n    return other_{n % 7}(value, {n})\n\n\n" for n in range(12_500))
    outline = parse(text, "big.py")
    assert outline.has_syntax
    assert len(outline.definitions) == 12_500
    assert symbol_at(text, "big.py", 40_002) == "work_10000"
    assert [use.name for use in outline.uses(40_001, 40_002)] == ["value", "other_4", "value"]


@pytest.mark.parametrize(
    ("before", "after", "path", "is_fine"),
    [
        ("def f():\n    return 1\n", "def f():\n    return 2\n", "a.py", True),
        ("def f():\n    return 1\n", "def f(:\n    return 2\n", "a.py", False),
        ("f(1);\n", "f(1;\n", "a.js", False),
        ("int f() { return 1; }\n", "int f() { return 1; \n", "a.c", False),
        ("def f(:\n    return 1\n", "def f(:\n    return 2\n", "a.py", True),
        ("x = 1\n", "x = (\n", "notes.unknown", True),
        ("x = 1\n", "x = (\n", "notes.txt", True),
    ],
)
def test_an_edit_may_not_add_syntax_errors(before: str, after: str, path: str, is_fine: bool) -> None:
    assert parses_no_worse(before, after, path) is is_fine


PATHS = st.sampled_from([*SAMPLES, "a.txt", "a.json", "a.yml", "a.md"])
PARTS = st.sampled_from([line for text in SAMPLES.values() for line in text.splitlines(keepends=True)])
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.one_of(PARTS, st.text(alphabet="(){}[]<>'\"`#/*:;=.,\n ÄaB1$@\t\r\x0b\u2028\ud800", max_size=12))).map(
        "".join
    ),
)


@FEW
@given(text=TEXTS, path=PATHS)
def test_lines_of_definitions_are_in_the_file_and_nested(text: str, path: str) -> None:
    outline = parse(text, path)
    for each in outline.definitions:
        assert 1 <= each.start_line <= each.name_line <= each.end_line <= outline.line_count
        assert each.name_line <= each.signature_end_line <= each.end_line
        assert each in outline.named(each.name)
        outers = [outer for outer in outline.definitions if outer.qualified == each.parent]
        written_apart = path.endswith((".cpp", ".go"))  # a method's owner may be named in its signature
        assert (
            written_apart
            or not each.parent
            or any(outer.start_line <= each.start_line and each.end_line <= outer.end_line for outer in outers)
        )
    for statement in outline.imports:
        assert 1 <= statement.start_line <= statement.end_line <= outline.line_count
        assert statement.text == outline.text(statement.start_line, statement.end_line)


@FEW
@given(text=TEXTS, path=PATHS, data=st.data())
def test_what_is_told_of_a_line_holds_that_line(text: str, path: str, data: st.DataObject) -> None:
    outline = parse(text, path)
    line = data.draw(st.integers(1, outline.line_count))
    enclosing = outline.enclosing(line)
    around = outline.around(line)
    assert enclosing is None if not around else enclosing in around
    assert all(each.holds(line) for each in around)
    first, last = outline.block(line)
    assert 1 <= first <= line <= last <= outline.line_count
    assert all(use.line == line and use.name in outline.lines[line - 1] for use in outline.uses(line, line))
    assert 1 <= outline.comment_start(line) <= line
    assert symbol_at(text, path, line) == (enclosing.qualified if enclosing else "")


@FEW
@given(before=TEXTS, path=PATHS)
def test_a_text_parses_no_worse_than_itself(before: str, path: str) -> None:
    assert parses_no_worse(before, before, path)


def test_a_file_that_was_looked_at_is_not_parsed_again_for_its_next_finding() -> None:
    known: dict[str, Outline] = {}
    assert symbol_at("def f():\n    return 1\n", "a.py", 2, known) == "f"
    first = known["a.py"]
    assert symbol_at("def f():\n    return 1\n", "a.py", 1, known) == "f"
    assert known == {"a.py": first}
