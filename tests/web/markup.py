"""What the HTML of a page says, read as a browser reads it, and what every page must keep to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_UNWANTED = {"style", "iframe", "object", "embed", "base", "applet", "frame", "template"}
_ADDRESSES = ("href", "src", "action", "formaction", "poster", "data", "srcset")


@dataclass
class Element:
    """An element with its attributes, what is in it, and where it stands."""

    name: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def all(self, *names: str) -> Iterator["Element"]:
        """Those below with such a name; without names all of them."""
        for child in self.children:
            if not names or child.name in names:
                yield child
            yield from child.all(*names)

    def above(self, name: str) -> "Element | None":
        """The nearest element around it with that name."""
        found = self.parent
        while found is not None and found.name != name:
            found = found.parent
        return found

    @property
    def words(self) -> str:
        """All text in it."""
        return " ".join([self.text, *(child.words for child in self.children)])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.at = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(made)
        if tag not in _VOID:
            self.at = made

    def handle_endtag(self, tag: str) -> None:
        found: Element | None = self.at
        while found is not None and found.name != tag:
            found = found.parent
        if found is not None and found.parent is not None:
            self.at = found.parent

    def handle_data(self, data: str) -> None:
        self.at.text += data


def read_markup(html: str) -> Element:
    """A page, or a piece of one."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.root


def active_content(root: Element) -> Sequence[str]:
    """What the pages may not have in them: scripts and styles of their own, event handlers, addresses that run."""
    wrong = []
    for each in root.all():
        if each.name in _UNWANTED or (each.name == "script" and (not each.get("src") or each.words.strip())):
            wrong.append(f"<{each.name}>")
        for name, value in each.attributes.items():
            if name.startswith("on") or name in ("style", "srcdoc", "http-equiv"):
                wrong.append(f"{each.name} {name}={value[:60]}")
            kind = "".join(value.split()).lower().partition(":")[0]
            if name in _ADDRESSES and kind in ("javascript", "data", "vbscript"):
                wrong.append(f"{each.name} {name}={value[:60]}")
    return wrong


def faults_of_shape(root: Element) -> Sequence[str]:
    """What is wrong with a whole page besides: its heading, ids, labels, and forms."""
    ids = Counter(each.get("id") for each in root.all() if "id" in each.attributes)
    wrong = [f"the id {name!r} is there {count} times" for name, count in ids.items() if count > 1 or not name]
    headings = list(root.all("h1"))
    if len(headings) != 1 or not headings[0].words.strip():
        wrong.append(f"{len(headings)} headings of the first level")
    if not any(title.words.strip(" ·\n") for title in root.all("title")):
        wrong.append("no title")
    if not all(html.get("lang") for html in root.all("html")):
        wrong.append("no language")
    labelled = {label.get("for") for label in root.all("label")}
    for control in root.all("input", "select", "textarea"):
        is_named = control.get("id") in labelled or control.above("label") or control.get("aria-label")
        if control.get("type") not in ("hidden", "submit") and not is_named and not control.get("aria-labelledby"):
            wrong.append(f"no label: {control.attributes}")
    wrong += [f"an empty {each.name}: {each.attributes}" for each in root.all("button", "a") if not _name_of(each)]
    wrong += [fault for form in root.all("form") for fault in _faults_of_form(form)]
    return wrong


def _name_of(element: Element) -> str:
    pictures = " ".join(image.get("alt") for image in element.all("img"))
    return f"{element.words}{pictures}{element.get('aria-label')}".strip()


def _faults_of_form(form: Element) -> Iterator[str]:
    names = [each.get("name") for each in form.all("input")]
    method, action = form.get("method").lower(), form.get("action")
    if method not in ("get", "post"):
        yield f"a form without a method: {action}"
    is_ours = (action.startswith("/") and not action.startswith("//")) or not action
    if method == "post" and is_ours and names.count("csrf") != 1:
        yield f"a form without its token: {action}"
    if (method == "get" or not is_ours) and "csrf" in names:
        yield f"a token that is sent where it ends up in an address: {action}"
    if any(each.get("type") == "password" for each in form.all("input")) and method != "post":
        yield f"a password in an address: {action}"
    is_read_only = any({"disabled", "readonly"} & set(each.attributes) for each in form.all("fieldset", "textarea"))
    if not is_read_only and not any(each.get("type") != "button" for each in form.all("button")):
        yield f"a form that cannot be sent without scripts: {action}"
