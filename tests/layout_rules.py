"""Rules for the layout of the sources: short modules, small folders, and private names used only in their folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

WIDE = {"methods", "kernels"}  # folders that may hold a module for each method


def modules(root: Path) -> list[Path]:
    return sorted(root.rglob("*.py"))


def too_long(root: Path, most: int) -> list[str]:
    """Return the modules that have more lines than allowed."""
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules(root)}
    return [f"{path.relative_to(root)}: {n} lines, more than {most}" for path, n in counts.items() if n > most]


def too_full(root: Path, most: int) -> list[str]:
    """Return the folders that hold more modules than allowed, not counting `__init__`."""
    folders = sorted({path.parent for path in modules(root)} - {root / name for name in WIDE})
    counts = {folder: sum(path.name != "__init__.py" for path in folder.glob("*.py")) for folder in folders}
    return [f"{folder.relative_to(root)}: {n} modules, more than {most}" for folder, n in counts.items() if n > most]


def leaks(root: Path) -> list[str]:
    """Return the private modules and attributes that are used by modules outside their folder."""
    found = []
    for path in modules(root):
        for line, name in _used(ast.parse(path.read_text(encoding="utf-8")), _dotted(path, root), root):
            if _is_private_elsewhere(name, path, root):
                found.append(f"{path.relative_to(root)}:{line}: {name}")
    return found


def _dotted(path: Path, root: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _folder(dotted: str, root: Path) -> Path:
    """Return the folder of a package or of a module."""
    path = root.parent.joinpath(*dotted.split("."))
    return path if path.is_dir() else path.parent


def _is_private_elsewhere(name: str, path: Path, root: Path) -> bool:
    """Whether any part of a dotted name is private to a folder that does not contain a module."""
    parts = name.split(".")
    private = [k for k, part in enumerate(parts) if part.startswith("_") and not part.endswith("__")]
    return any(_folder(".".join(parts[:k]), root) not in path.parents for k in private)


def _used(tree: ast.Module, own: str, root: Path) -> Iterator[tuple[int, str]]:
    """Yield the names that a module imports from this package, and the attributes that it uses of imported modules."""
    package = own if _folder(own, root) == root.parent.joinpath(*own.split(".")) else own.rpartition(".")[0]
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            names = {alias.asname or alias.name: f"{source}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {alias.asname: alias.name for alias in node.names if alias.asname}
            names |= {alias.name: alias.name for alias in node.names if not alias.asname}
        else:
            continue
        ours = {short: name for short, name in names.items() if name.split(".")[0] == root.name}
        bound |= ours
        yield from ((node.lineno, name) for name in ours.values())
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            target = bound.get(ast.unparse(node.value))
            if target is not None:
                yield node.lineno, f"{target}.{node.attr}"
