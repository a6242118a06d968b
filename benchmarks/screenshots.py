"""Screenshots of a demo for the README, and a check that the pages still look as before.

    python benchmarks/screenshots.py [--demo out/demo] [--out docs/images]   # make the PNG files
    python benchmarks/screenshots.py --check     # compare with the references; 1 if one differs
    python benchmarks/screenshots.py --update    # make the references again

Make the demo with `make demo NOW=2026-11-22T06:30Z`, so that its dates repeat. Ward list, page of
the patient with the highest severe risk and evaluation are taken, light and dark. The references
in docs/images/references are the same six pictures, small and grey; the check allows for other
fonts. Needs /usr/bin/chromium and the development packages.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from pipeline.commands.demo_summary import DemoFolder, highest
from pipeline.pages.batch_pages import page_names

CHROMIUM = "/usr/bin/chromium"
REFERENCES = Path(__file__).parent.parent / "docs" / "images" / "references"
SCHEMES = ("light", "dark")
SIZE = {"width": 1280, "height": 860}
SMALL = (192, 128)  # pixels of a reference
BLOCK = 16
MOST_BYTES = 300_000
TOLERANCE = 6.0  # grey levels of 255, in the block that differs most


def pages_of(demo: Path) -> dict[str, Path]:
    """Name of each screenshot and the page that it shows."""
    places = DemoFolder(demo)
    report = places.results / "report"
    table = pd.read_csv(places.results / "predictions.csv", dtype={"patient_id": str})
    row = highest(table)
    if row is None:
        raise SystemExit(f"{demo} has no estimate; run make demo first")
    patient = page_names(sorted(table["patient_id"].unique()))[row["patient_id"]]
    return {
        "ward": report / "index.html",
        "patient": report / f"{patient}.html",
        "evaluation": places.bundle / "evaluation.html",
    }


def screenshots(demo: Path) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of every screenshot."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, path in pages_of(demo).items():
            for scheme in SCHEMES:
                page = browser.new_page(viewport=SIZE, color_scheme=scheme)
                page.goto(f"file://{path.resolve()}")
                yield f"{name}-{scheme}.png", page.screenshot()
                page.close()
        browser.close()


def packed(png: bytes) -> bytes:
    """The picture with at most 128 colours, which suffice for text and charts."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128)
    target = io.BytesIO()
    picture.save(target, "PNG", optimize=True)
    return target.getvalue()


def reduced(png: bytes) -> Image.Image:
    """The picture as a small grey one."""
    return Image.open(io.BytesIO(png)).convert("L").resize(SMALL, Image.Resampling.BOX)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in grey levels of the block that differs most; 255 if the sizes differ."""
    if one.size != other.size:
        return 255.0
    apart = np.abs(np.asarray(one, float) - np.asarray(other, float))
    rows, columns = (side // BLOCK for side in apart.shape)
    return float(apart.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3)).max())


def compare(demo: Path) -> int:
    """Print the difference of every screenshot from its reference; return how many fail."""
    failed = 0
    for name, png in screenshots(demo):
        reference = REFERENCES / name
        apart = difference(reduced(png), Image.open(reference)) if reference.is_file() else 255.0
        passed = apart <= TOLERANCE
        failed += not passed
        print(f"{'PASS' if passed else 'FAIL'}: {name} differs by {apart:.1f}, goal {TOLERANCE:g}")
    return failed


def main() -> int:
    """Make, check or update; return 0 if every goal is met."""
    parser = argparse.ArgumentParser(description="Screenshots of a demo")
    parser.add_argument("--demo", type=Path, default=Path("out/demo"))
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--check", action="store_true", help="compare with the references")
    parser.add_argument("--update", action="store_true", help="make the references again")
    options = parser.parse_args()
    if options.check:
        return 1 if compare(options.demo) else 0
    large = 0
    target = REFERENCES if options.update else options.out
    target.mkdir(parents=True, exist_ok=True)
    for name, png in screenshots(options.demo):
        if options.update:
            reduced(png).save(target / name, optimize=True)
        else:
            (target / name).write_bytes(packed(png))
        size = (target / name).stat().st_size
        large += size > MOST_BYTES
        print(f"{target / name}: {size / 1000:.0f} kB")
    print(f"{'FAIL' if large else 'PASS'}: {large} above {MOST_BYTES / 1000:g} kB")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())
