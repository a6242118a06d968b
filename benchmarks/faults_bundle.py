"""Damages every file of a bundle and counts how often loading is refused.

    python benchmarks/faults_bundle.py BUNDLE [--other BUNDLE] [--flips 200] [--seed 0]

Per file: one flipped bit at `--flips` random bytes and in the first, middle and last byte; one byte
more or less; emptied; removed; swapped with another file of the bundle or the same file of
`--other`; replaced by a link to a copy or by a folder. Manifest: each field removed, of another
type, or with other content; file names that are not plain; files that are not listed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pipeline.errors import BundleError
from pipeline.model.bundle import load_bundle
from pipeline.model.manifest import MANIFEST, SIGNATURE

NAMES = (
    "../a",
    "/a",
    "a/b",
    "prior/../a",
    "a\n",
    "",
    ".",
    "..",
    ".a",
    "a\\b",
    "C:a",
    "a ",
    "\u202ea",
)
EXTRA = ("extra.json", "code.py", "crs_state_99.ubj", "a/b.json", "sitecustomize.py")
VALUES: tuple[Any, ...] = (None, True, 0, 3, 1.5, "", "crs", [], ["crs"], {}, {"a": 1}, "0" * 64)


def main() -> int:
    """Run every attack, print the counts and return 0 if no changed bundle loads."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundle", type=Path, help="bundle folder")
    parser.add_argument("--other", type=Path, help="second bundle to swap files with")
    parser.add_argument("--flips", type=int, default=200, help="random bit flips per file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draws = random.Random(options.seed)
    refused: Counter[str] = Counter()
    loaded: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(options.bundle, Path(place) / "bundle"))
        load_bundle(folder)
        for kind, label, undo in attacks(folder, options.other, options.flips, draws):
            try:
                load_bundle(folder)
            except BundleError:
                refused[kind] += 1
            else:
                loaded.append(f"{kind}: {label}")
            undo()
        load_bundle(folder)
    for kind, count in sorted(refused.items()):
        print(f"{kind:12} refused {count}")
    print(f"all          refused {refused.total()}, loaded {len(loaded)}")
    for line in loaded:
        print(f"  LOADED {line}")
    return 1 if loaded else 0


def attacks(
    folder: Path, other: Path | None, flips: int, draws: random.Random
) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Apply one attack at a time; yields its kind, its target and a function that undoes it."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.name != SIGNATURE
    )
    for number, path in enumerate(files):
        whole, name = path.read_bytes(), path.relative_to(folder).as_posix()

        def restore(path: Path = path, whole: bytes = whole) -> None:
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif path.is_dir():
                path.rmdir()
            path.write_bytes(whole)

        for kind, content in contents(whole, files[number - 1].read_bytes(), flips, draws):
            path.write_bytes(content)
            yield kind, name, restore
        if other is not None and (other / name).is_file():
            path.write_bytes((other / name).read_bytes())
            if path.read_bytes() != whole:
                yield "other bundle", name, restore
        path.unlink()
        yield "removed", name, restore
        elsewhere = folder.parent / "elsewhere"
        elsewhere.write_bytes(whole)
        path.unlink()
        path.symlink_to(elsewhere)
        yield "link", name, restore
        path.unlink()
        path.mkdir()
        yield "folder", name, restore
    for name in EXTRA:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
        yield "not listed", name, path.unlink
    yield from manifests(folder / MANIFEST)


def contents(
    whole: bytes, neighbour: bytes, flips: int, draws: random.Random
) -> Iterator[tuple[str, bytes]]:
    """Yield damaged contents of a file, by kind."""
    fixed = [0, len(whole) // 2, len(whole) - 1]
    for place in [*fixed, *(draws.randrange(len(whole)) for _ in range(flips))]:
        yield (
            "flip",
            whole[:place] + bytes([whole[place] ^ 1 << draws.randrange(8)]) + whole[place + 1 :],
        )
    yield "longer", whole + b"\n"
    yield "shorter", whole[:-1]
    yield "empty", b""
    if neighbour != whole:
        yield "exchanged", neighbour


def manifests(path: Path) -> Iterator[tuple[str, str, Callable[[], None]]]:
    """Yield damaged manifests."""
    whole = path.read_bytes()
    content = json.loads(whole)

    def restore() -> None:
        path.write_bytes(whole)

    def written(changed: dict[str, Any]) -> Callable[[], None]:
        path.write_text(json.dumps(changed, sort_keys=True, indent=1) + "\n", encoding="utf-8")
        return restore

    for field in content:
        rest = {key: value for key, value in content.items() if key != field}
        yield "field", f"no {field}", written(rest)
        for value in VALUES:
            if value != content[field] or type(value) is not type(content[field]):
                yield "field", f"{field} is {value!r}", written({**content, field: value})
    for name in NAMES:
        files = {**content["files"], name: "0" * 64}
        yield "name", ascii(name), written({**content, "files": files})


if __name__ == "__main__":
    sys.exit(main())
