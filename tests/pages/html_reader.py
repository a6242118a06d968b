"""Reads a page as a browser would: balanced tags, policy, and its text without markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "link", "input"}
BLOCKS = {"p", "li", "h1", "h2", "tr", "figure", "section", "div", "svg", "footer", "summary"}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_FORBIDDEN = re.compile(r"\b(nan|NaN|None|inf|Infinity|undefined)\b")
_DECIMAL_PERCENT = re.compile(r"\d[.,]\d+\s*%")


class Reader(HTMLParser):
    """Collect tags, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in BLOCKS:
            self.parts.append("\n")
        if tag == "svg" and dict(attrs).get("aria-label"):
            self.parts.append(f"[{dict(attrs)['aria-label']}]\n")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag
        if tag in BLOCKS:
            self.parts.append("\n")
        elif tag in {"td", "th", "figcaption", "title", "desc", "b", "small", "span"}:
            self.parts.append(" ")

    def handle_data(self, data):
        if "style" in self.stack or ("svg" in self.stack and self.stack[-1] == "text"):
            return
        self.parts.append(data)

    @property
    def text(self) -> str:
        """One line per block, single spaces; a drawing gives its text alternative."""
        lines = "".join(self.parts).replace("\u00a0", " ").split("\n")
        kept = [" ".join(line.split()) for line in lines]
        return "\n".join(line for line in kept if line)


def read(page: str) -> Reader:
    """Parse a page and check what holds for every page."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.stack == []
    tags = [tag for tag, _ in reader.tags]
    assert (tags.count("main"), tags.count("h1"), tags.count("script")) == (1, 1, 0)
    policies = [a["content"] for t, a in reader.tags if t == "meta" and "http-equiv" in a]
    assert policies == [POLICY]
    for tag, attributes in reader.tags:
        assert not {name for name in attributes if name.startswith("on") or name == "src"}
        assert tag == "a" or "href" not in attributes
    assert not re.search(r"https?://", page.replace("http://www.w3.org/2000/svg", ""))
    assert not _FORBIDDEN.search(reader.text), _FORBIDDEN.search(reader.text)
    assert not _DECIMAL_PERCENT.search(reader.text), _DECIMAL_PERCENT.search(reader.text)
    assert "log-odds" not in reader.text
    return reader
