"""Write the table of operations into docs/guide.md, from the operations themselves.

python scripts/operations_table.py           write it
python scripts/operations_table.py --check   exit with 1 if docs/guide.md is out of date
"""

import sys
from pathlib import Path

from napari_mathimg.catalog import FAMILIES, family
from napari_mathimg.contract.operation import Operation
from napari_mathimg.widgets.form.form import summary

GUIDE = Path(__file__).parent.parent / "docs" / "guide.md"
BEGIN, END = "<!-- operations: written by scripts/operations_table.py -->", "<!-- end of operations -->"


def table() -> str:
    """Return the table of all operations in Markdown."""
    lines = ["| family | operation | what it does | parameters |", "|---|---|---|---|"]
    for name, title in FAMILIES.items():
        lines += [row(title, op) for op in family(name).values()]
    return "\n".join(lines)


def row(title: str, op: Operation) -> str:
    """Return the line of one operation."""
    parameters = ", ".join(f"`{p}`" for p in op.parameters)
    return f"| {title} | `{op.id}` | {summary(op).replace('|', chr(92) + '|')} | {parameters} |"


def renewed(text: str) -> str:
    """Return a text with the table between its two marks made anew."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Write or check docs/guide.md."""
    text = GUIDE.read_text(encoding="utf-8")
    new = renewed(text)
    if "--check" in sys.argv[1:]:
        return int(new != text)
    GUIDE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
