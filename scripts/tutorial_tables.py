"""Put a measured table into the tutorials, in both languages.

`python scripts/tutorial_tables.py NAME TABLE.md --by COMMAND` replaces what is between
`<!-- table: NAME -->` and `<!-- end -->` on every page that has the marker, and says what made it.
"""

import argparse
import re
import sys
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "docs" / "tutorials"


MADE = {
    ".zh": "由 `{}` 得到（两个 CPU 核心，程序原样输出）。",
    "": "Made by `{}` on two CPU cores.",
}


def filled(page: str, name: str, table: str, made: str) -> str:
    """The page with the table after its marker; an older one goes."""
    marker = f"<!-- table: {name} -->"
    old = re.compile(rf"{re.escape(marker)}(?:\n.*?<!-- end -->)?", re.DOTALL)
    return old.sub(lambda _: f"{marker}\n\n{made}\n\n{table.strip()}\n\n<!-- end -->", page)


def main() -> None:
    """Fill the pages; end with 1 where no page has the marker."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("table", type=Path)
    parser.add_argument("--by", required=True, help="the command that made the table")
    args = parser.parse_args()
    table, count = args.table.read_text(encoding="utf-8"), 0
    for path in sorted(PAGES.glob("*.md")):
        page = path.read_text(encoding="utf-8")
        if f"<!-- table: {args.name} -->" in page:
            made = MADE[Path(path.stem).suffix].format(args.by)
            path.write_text(filled(page, args.name, table, made), encoding="utf-8")
            print(path.name)
            count += 1
    sys.exit(0 if count else 1)


if __name__ == "__main__":
    main()
