"""The shell is strict: escaped, self-contained, readable, and loud about undefined names."""

import re

import pytest
from jinja2 import UndefinedError

from pipeline.pages import svg
from pipeline.pages.html import BASE, environment, render

CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def luminance(colour):
    digits = colour * 2 if len(colour) == 3 else colour
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(ink, paper):
    light, dark = sorted((luminance(ink), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_base_has_what_every_page_needs():
    page = render(BASE, "base.html.j2", title="Audit")
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert CSP in page
    assert [page.count(tag) for tag in ("<main", "<h1", "<title>", "<script")] == [1, 1, 1, 0]
    assert "Research use only." in page
    assert "SYNTHETIC DATA" not in page


def test_another_room_extends_the_base_with_its_own_templates(tmp_path):
    source = '{% extends "base.html.j2" %}{% block main %}<p>{{ x }}, {{ y }}</p>{% endblock %}'
    (tmp_path / "audit.html.j2").write_text(source, encoding="utf-8")
    page = render(tmp_path, "audit.html.j2", title="<Audit>", x="a & b", y=float("nan"))
    assert "<h1>&lt;Audit&gt;</h1>" in page
    assert "<p>a &amp; b, –</p>" in page


def test_undefined_name_is_an_error():
    with pytest.raises(UndefinedError):
        environment(BASE).from_string("{{ forgotten }}").render()


def test_every_text_colour_is_readable_on_every_ground():
    css = (BASE / "base.css").read_text(encoding="utf-8")
    inks = set(re.findall(r"(?<![-\w])color: #([0-9a-f]{3,6})", css))
    papers = set(re.findall(r"background: #([0-9a-f]{3,6})", css))
    assert inks
    assert all(contrast(ink, paper) >= 4.5 for ink in inks for paper in papers)


def test_every_line_colour_is_visible_on_white():
    inks = {style.colour for style in svg.STYLES} | {svg.INK, svg.GREY, svg.BLUE, svg.ORANGE}
    assert all(contrast(ink.removeprefix("#"), "fff") >= 3 for ink in inks)
    texts = (svg.INK, svg.GREY, svg.BLUE, svg.ORANGE)
    assert all(contrast(ink.removeprefix("#"), "fff") >= 4.5 for ink in texts)
