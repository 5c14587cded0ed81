"""The code that made-up changes consist of: functions in three languages, as they were and as they are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """How one language's files are made: `Item`, `item` and `amount` stand for what a file is about."""

    suffix: str
    folder: str
    head: str
    units: tuple[tuple[str, str], ...]  # a function as it was and as it is after the change


PYTHON = Language(
    suffix=".py",
    folder="depot",
    head='''"""Reading, checking and adding up items by their amount."""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Item:
    name: str
    amount: float
    is_open: bool = True


class ItemError(ValueError):
    pass

''',
    units=(
        (
            '''
def load_items(path: Path) -> list[Item]:
    """Read every item in the file."""
    rows = []
    with path.open() as file:
        for row in csv.reader(file):
            rows.append(Item(row[0], float(row[1])))
    return rows

''',
            '''
def load_items(path: Path, *, most: int = 10_000) -> list[Item]:
    """Read at most `most` items; a row without an amount is passed over."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if len(row) < 2 or not row[1].strip():
                continue
            rows.append(Item(row[0].strip(), float(row[1])))
            if len(rows) >= most:
                break
    return rows

''',
        ),
        (
            '''
def total_amount(items: Iterable[Item]) -> float:
    """Add up the amount of all open items."""
    total = 0.0
    for item in items:
        if item.is_open:
            total += item.amount
    return total

''',
            '''
def total_amount(items: Iterable[Item], *, with_closed: bool = False) -> float:
    """Add up the amount of all open items, and of the closed ones on request."""
    total = 0.0
    for item in items:
        if item.amount < 0:
            raise ItemError(f"{item.name}: the amount is below zero")
        if item.is_open or with_closed:
            total += item.amount
    return round(total, 2)

''',
        ),
        (
            '''
def save_items(items: Iterable[Item], path: Path) -> None:
    """Write the items as JSON."""
    path.write_text(json.dumps([vars(item) for item in items]))

''',
            '''
def save_items(items: Iterable[Item], path: Path) -> None:
    """Write the items as JSON; readers see the old file or the new one, never a part."""
    rows = [vars(item) for item in items]
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    fresh.replace(path)

''',
        ),
        (
            '''
def find_item(items: Iterable[Item], name: str) -> Item | None:
    """The item of that name."""
    for item in items:
        if item.name == name:
            return item
    return None

''',
            '''
def find_item(items: Iterable[Item], name: str) -> Item | None:
    """The item of that name, in upper or lower case."""
    wanted = name.strip().casefold()
    if not wanted:
        raise ItemError("a name is needed")
    for item in items:
        if item.name.casefold() == wanted:
            return item
    return None

''',
        ),
        (
            '''
def largest_amount(items: list[Item]) -> Item:
    """The item with the largest amount."""
    ordered = sorted(items, key=lambda item: item.amount)
    return ordered[-1]

''',
            '''
def largest_amount(items: list[Item], *, at_most: float | None = None) -> Item:
    """The item with the largest amount that is not above `at_most`."""
    fitting = [item for item in items if at_most is None or item.amount <= at_most]
    if not fitting:
        raise ItemError("no item has such an amount")
    return max(fitting, key=lambda item: item.amount)

''',
        ),
    ),
)

TYPESCRIPT = Language(
    suffix=".ts",
    folder="web",
    head="""import { readFile, writeFile } from "node:fs/promises";

export interface Item {
  name: string;
  amount: number;
  open: boolean;
}
""",
    units=(
        (
            """
export async function loadItems(path: string): Promise<Item[]> {
  const text = await readFile(path, "utf-8");
  return JSON.parse(text) as Item[];
}
""",
            """
export async function loadItems(path: string, most = 10_000): Promise<Item[]> {
  const text = await readFile(path, "utf-8");
  const rows: unknown = JSON.parse(text);
  if (!Array.isArray(rows)) {
    throw new TypeError(`${path}: a list of items is expected`);
  }
  return rows.slice(0, most).filter((row) => typeof row.amount === "number") as Item[];
}
""",
        ),
        (
            """
export function totalAmount(items: Item[]): number {
  let total = 0;
  for (const item of items) {
    if (item.open) {
      total += item.amount;
    }
  }
  return total;
}
""",
            """
export function totalAmount(items: Item[], withClosed = false): number {
  let total = 0;
  for (const item of items) {
    if (item.amount < 0) {
      throw new RangeError(`${item.name}: the amount is below zero`);
    }
    if (item.open || withClosed) {
      total += item.amount;
    }
  }
  return Math.round(total * 100) / 100;
}
""",
        ),
        (
            """
export async function saveItems(path: string, items: Item[]): Promise<void> {
  await writeFile(path, JSON.stringify(items));
}
""",
            """
export async function saveItems(path: string, items: Item[]): Promise<void> {
  const seen = new Set<string>();
  for (const item of items) {
    if (seen.has(item.name)) {
      throw new Error(`${item.name} is there twice`);
    }
    seen.add(item.name);
  }
  await writeFile(path, JSON.stringify(items, null, 2), { mode: 0o600 });
}
""",
        ),
        (
            """
export function itemRow(item: Item): string {
  return "<tr><td>" + item.name + "</td><td>" + item.amount + "</td></tr>";
}
""",
            """
export function itemRow(item: Item, digits = 2): string {
  const cells = [item.name, item.amount.toFixed(digits), item.open ? "open" : "closed"];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}
""",
        ),
        (
            """
export function itemsByAmount(items: Item[]): Item[] {
  return items.sort((one, other) => one.amount - other.amount);
}
""",
            """
export function itemsByAmount(items: Item[], descending = false): Item[] {
  const sign = descending ? -1 : 1;
  const ordered = [...items];
  ordered.sort((one, other) => sign * (one.amount - other.amount) || one.name.localeCompare(other.name));
  return ordered;
}
""",
        ),
    ),
)

GO = Language(
    suffix=".go",
    folder="service",
    head="""package item

import (
\t"bufio"
\t"fmt"
\t"os"
\t"strconv"
\t"strings"
)

// Item is one row of the ledger.
type Item struct {
\tName   string
\tAmount float64
\tOpen   bool
}
""",
    units=(
        (
            """
// LoadItems reads every item in the file.
func LoadItems(path string) ([]Item, error) {
\tfile, err := os.Open(path)
\tif err != nil {
\t\treturn nil, err
\t}
\tvar rows []Item
\tscanner := bufio.NewScanner(file)
\tfor scanner.Scan() {
\t\tparts := strings.Split(scanner.Text(), ",")
\t\tamount, _ := strconv.ParseFloat(parts[1], 64)
\t\trows = append(rows, Item{Name: parts[0], Amount: amount, Open: true})
\t}
\treturn rows, nil
}
""",
            """
// LoadItems reads at most most items of the file.
func LoadItems(path string, most int) ([]Item, error) {
\tfile, err := os.Open(path)
\tif err != nil {
\t\treturn nil, fmt.Errorf("items: %w", err)
\t}
\tdefer file.Close()
\tvar rows []Item
\tscanner := bufio.NewScanner(file)
\tfor scanner.Scan() && len(rows) < most {
\t\tname, rest, _ := strings.Cut(scanner.Text(), ",")
\t\tamount, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
\t\tif err != nil {
\t\t\treturn rows, fmt.Errorf("item %s: %w", name, err)
\t\t}
\t\trows = append(rows, Item{Name: name, Amount: amount, Open: true})
\t}
\treturn rows, scanner.Err()
}
""",
        ),
        (
            """
// TotalAmount adds up the amount of all open items.
func TotalAmount(items []Item) float64 {
\ttotal := 0.0
\tfor _, item := range items {
\t\tif item.Open {
\t\t\ttotal += item.Amount
\t\t}
\t}
\treturn total
}
""",
            """
// TotalAmount adds up the amount of all open items, and of the closed ones on request.
func TotalAmount(items []Item, withClosed bool) (float64, error) {
\ttotal := 0.0
\tfor _, item := range items {
\t\tif item.Amount < 0 {
\t\t\treturn 0, fmt.Errorf("%s: the amount is below zero", item.Name)
\t\t}
\t\tif item.Open || withClosed {
\t\t\ttotal += item.Amount
\t\t}
\t}
\treturn total, nil
}
""",
        ),
        (
            """
// FindItem returns the item of that name.
func FindItem(items []Item, name string) *Item {
\tfor _, item := range items {
\t\tif item.Name == name {
\t\t\treturn &item
\t\t}
\t}
\treturn nil
}
""",
            """
// FindItem returns the item of that name, in upper or lower case.
func FindItem(items []Item, name string) *Item {
\twanted := strings.TrimSpace(name)
\tfor at := range items {
\t\tif strings.EqualFold(items[at].Name, wanted) {
\t\t\treturn &items[at]
\t\t}
\t}
\treturn nil
}
""",
        ),
        (
            """
// ItemLine renders one item.
func ItemLine(item Item) string {
\treturn item.Name + "," + strconv.FormatFloat(item.Amount, 'f', 2, 64)
}
""",
            """
// ItemLine renders one item with its state.
func ItemLine(item Item) string {
\tstate := "closed"
\tif item.Open {
\t\tstate = "open"
\t}
\treturn strings.Join([]string{item.Name, strconv.FormatFloat(item.Amount, 'f', 2, 64), state}, ",")
}
""",
        ),
    ),
)

LANGUAGES = (PYTHON, TYPESCRIPT, GO)
