"""Text from files and arguments on a terminal, which obeys some characters instead of showing them."""

from unicodedata import category


def printable(text: str) -> str:
    r"""Return a text in one line, with escapes for characters that a terminal would not show.

    Examples
    --------
    >>> print(printable("cells\x1b[2J 5 µm\n\u202egnp"))
    cells\x1b[2J 5 µm\n\u202egnp
    """
    return "".join(
        c if c.isprintable() or category(c) == "Zs" else c.encode("unicode_escape").decode("ascii") for c in text
    )
