"""Releases: a part of the program in a folder of its own, which nobody edits.

    python3 -m guestbook.release name PART           prints the name, such as web-1.0.0-3f9c1aa0b2d4
    python3 -m guestbook.release copy PART FOLDER    makes the release (again: nothing to do)
    python3 -m guestbook.release check PART FOLDER   ends with 0 if the folder holds this very release

A part is `web`, the whole program, or `store`, what keeps the entries: a new page is no reason to stop
the store. The name ends with a digest of the part's files, so a change of any of them is another release. A new one clears away all but the
three last ones beside it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import List

from .version import ROOT, version


PARTS = ("web", "store")
# The one that serves, the one before it, which a rollback goes back to, and one for good measure.
KEPT = 3


def files(part: str = "web", root: Path = ROOT) -> List[str]:
    """Returns what belongs to a release of this part, in order."""
    found = [path for path in (root / "guestbook").rglob("*") if path.is_file()]
    found = [path for path in found if "__pycache__" not in path.parts]
    if part == "store":
        found = [path for path in found if root / "guestbook" / "web" not in path.parents]
    else:
        found += [root / name for name in ("VERSION", "DRILL") if (root / name).is_file()]
    return sorted(path.relative_to(root).as_posix() for path in found)


def digest(part: str = "web", root: Path = ROOT) -> str:
    """Returns a digest of names and contents."""
    sums = hashlib.sha256()
    for name in files(part, root):
        content = hashlib.sha256((root / name).read_bytes()).hexdigest()
        sums.update(f"{content}  {name}\n".encode())
    return sums.hexdigest()


def name(part: str = "web", root: Path = ROOT) -> str:
    """Returns the name of the release that these files make."""
    named = [part, version({}, root)] if part == "web" else [part]
    return "-".join([*named, digest(part, root)[:12]])


def holds(folder: Path, part: str = "web", root: Path = ROOT) -> bool:
    """Tells whether the folder holds exactly this release."""
    return folder.is_dir() and digest(part, folder) == digest(part, root)


def copy(folder: Path, part: str = "web", root: Path = ROOT) -> None:
    """Makes the release. It appears whole or not at all, whenever this is interrupted."""
    if holds(folder, part, root):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        half.chmod(0o755)
        for each in files(part, root):
            (half / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / each, half / each)
        if folder.exists():  # damaged: out of the way first, since a rename takes no full folder
            shutil.rmtree(folder)
        os.rename(half, folder)
        clear(folder.parent, part)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def clear(releases: Path, part: str) -> None:
    """Removes what nobody goes back to: all releases of the part but the last three."""
    found = [each for each in releases.glob(f"{part}-*") if each.is_dir()]
    found.sort(key=lambda each: each.stat().st_mtime_ns, reverse=True)
    for each in found[KEPT:]:
        shutil.rmtree(each)


def main(arguments: List[str]) -> int:
    verb, part, folder = (*arguments, "", "", "")[:3]
    if part not in PARTS or len(arguments) != (2 if verb == "name" else 3):
        verb = ""
    if verb == "name":
        print(name(part))
    elif verb == "copy":
        copy(Path(folder), part)
    elif verb == "check":
        if not holds(Path(folder), part):
            print(f"{folder}: does not hold {name(part)}", file=sys.stderr)
            return 1
    else:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
