"""Reads a chart as XML and checks what holds for every one of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET

NS = "{http://www.w3.org/2000/svg}"


def drawing(text) -> ET.Element:
    """Parse a chart: announced by title and description, without a figure that is no number."""
    root = ET.fromstring(str(text))
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{NS}title", f"{NS}desc"]
    assert all(root.findtext(f"{NS}{part}") for part in ("title", "desc"))
    assert not any(bad in str(text) for bad in ("nan", "None", "inf"))
    return root


def texts(root: ET.Element) -> list[str]:
    """Every text of a drawing."""
    return [element.text for element in root.iter(f"{NS}text")]


def inside(root: ET.Element) -> bool:
    """Whether every corner of lines and areas lies in the drawing."""
    width, height = float(root.get("width")), float(root.get("height"))
    shapes = [*root.iter(f"{NS}polyline"), *root.iter(f"{NS}polygon")]
    corners = [pair.split(",") for shape in shapes for pair in shape.get("points").split()]
    return all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in corners)
