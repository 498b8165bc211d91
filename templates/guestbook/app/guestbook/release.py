"""Releases: a version of the program in a folder of its own, which nobody edits.

    python3 -m guestbook.release name           prints the name, such as 1.0.0-3f9c1aa0b2d4
    python3 -m guestbook.release copy FOLDER    makes the release (again: nothing to do)
    python3 -m guestbook.release check FOLDER   ends with 0 if the folder holds this very release

The name ends with a digest of all files, so a change of any of them is another release.
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


def files(root: Path = ROOT) -> List[str]:
    """Returns what belongs to a release, in order."""
    found = [path for path in (root / "guestbook").rglob("*") if path.is_file()]
    found = [path for path in found if "__pycache__" not in path.parts]
    found += [root / name for name in ("VERSION", "DRILL") if (root / name).is_file()]
    return sorted(path.relative_to(root).as_posix() for path in found)


def digest(root: Path = ROOT) -> str:
    """Returns a digest of names and contents."""
    sums = hashlib.sha256()
    for name in files(root):
        content = hashlib.sha256((root / name).read_bytes()).hexdigest()
        sums.update(f"{content}  {name}\n".encode())
    return sums.hexdigest()


def name(root: Path = ROOT) -> str:
    """Returns the name of the release that these files make."""
    return f"{version({}, root)}-{digest(root)[:12]}"


def holds(folder: Path, root: Path = ROOT) -> bool:
    """Tells whether the folder holds exactly this release."""
    return folder.is_dir() and digest(folder) == digest(root)


def copy(folder: Path, root: Path = ROOT) -> None:
    """Makes the release. It appears whole or not at all, whenever this is interrupted."""
    if holds(folder, root):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        half.chmod(0o755)
        for each in files(root):
            (half / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / each, half / each)
        if folder.exists():  # damaged: out of the way first, since a rename takes no full folder
            shutil.rmtree(folder)
        os.rename(half, folder)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise


def main(arguments: List[str]) -> int:
    if arguments == ["name"]:
        print(name())
    elif len(arguments) == 2 and arguments[0] == "copy":
        copy(Path(arguments[1]))
    elif len(arguments) == 2 and arguments[0] == "check":
        if not holds(Path(arguments[1])):
            print(f"{arguments[1]}: does not hold {name()}", file=sys.stderr)
            return 1
    else:
        print((__doc__ or "").strip(), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
