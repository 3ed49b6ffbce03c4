"""What the search finds: every operation, the histogram, the history, and the batch."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache

from ...catalog import FAMILIES, family, operations
from ..form.form import summary
from ..settings.used import used_ids

HISTOGRAM, HISTORY, BATCH = "Histogram", "History", "Batch"  # the docks that belong to no family
TITLES = (*FAMILIES.values(), HISTOGRAM, HISTORY, BATCH)  # of all docks, in the order of the choice
OTHERS = {  # what is found of docks without a family: the words that people look for, and a sentence
    HISTOGRAM: (
        "distribution, contrast, counts, levels, percentiles, dark, bright, grey, display",
        "Show how the values of a layer are distributed, and set its contrast limits.",
    ),
    HISTORY: (
        "steps, record, undo, redo, repeat, replay, recipe, macro, script, python, workflow, pipeline, protocol",
        "Show the steps that made a layer, change them, and repeat them on other layers.",
    ),
    BATCH: (
        "files, folder, many, several, all, queue, recipe, macro, workflow, pipeline, unattended, overnight, command",
        "Apply a recipe to many files, with progress, pauses, and reasons where one fails.",
    ),
}
STEM = 4  # letters that an inflected word shares at least with the word that it is found by
SIMILAR = 0.75  # least similarity of a word with typing errors
# Words of questions, which name no operation.
FILLERS = {"a", "and", "image", "images", "is", "it", "make", "my", "picture", "so", "the", "this", "to", "why"}


@dataclass(frozen=True)
class Entry:
    """Something that a list offers: an operation by its id, or a dock without one, whose id is empty."""

    id: str
    title: str
    dock: str  # title of its dock
    keywords: str
    about: str

    @property
    def names(self) -> tuple[str, ...]:
        """The words of its title, its id and its keywords."""
        return _words(f"{self.title} {self.id} {self.keywords}")

    @property
    def others(self) -> tuple[str, ...]:
        """The words of its family and of the sentence about it."""
        return _words(f"{self.dock} {self.about}")


@cache
def all_entries() -> tuple[Entry, ...]:
    """Return all entries, in the order of their titles."""
    found = [Entry(op.id, op.title, FAMILIES[op.family], op.keywords, summary(op)) for op in operations().values()]
    found += [Entry("", title, title, keywords, about) for title, (keywords, about) in OTHERS.items()]
    return tuple(sorted(found, key=lambda entry: entry.title))


def family_entries(name: str) -> tuple[Entry, ...]:
    """Return the operations of a family, in the order of their titles; they open in its dock."""
    ids = family(name)
    return tuple(replace(entry, dock=FAMILIES[name]) for entry in all_entries() if entry.id in ids)


def in_order(entries: Iterable[Entry], by_use: bool) -> list[Entry]:
    """Return entries in the order of their titles, or the last used first and the others so."""
    used = {id: place for place, id in enumerate(used_ids())} if by_use else {}
    return sorted(entries, key=lambda entry: (used.get(entry.id, len(used)), entry.title))


def matching(text: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries that a text finds, those first that it finds by their own names.

    Each word of the text but fillers must begin a word of the entry, or be an inflection of one. If it finds nothing,
    words with typing errors are replaced by similar ones.
    """
    words = _words(text)
    wanted = [word for word in words if word not in FILLERS] or words
    found = _matching(wanted, entries)
    if found or not wanted:
        return found or list(entries)
    known = sorted({word for entry in entries for word in (*entry.names, *entry.others)})
    similar = [next(iter(get_close_matches(word, known, 1, SIMILAR)), word) for word in wanted]
    return _matching(similar, entries)


def _matching(wanted: Sequence[str], entries: Sequence[Entry]) -> list[Entry]:
    by_name = [entry for entry in entries if _has_all(wanted, entry.names)]
    if not wanted:
        return by_name
    others = [entry for entry in entries if entry not in by_name and _has_all(wanted, (*entry.names, *entry.others))]
    return by_name + others


def _has_all(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(_begins(word, known) for known in words) for word in wanted)


def _begins(word: str, known: str) -> bool:
    return known.startswith(word) or (len(known) >= STEM and word.startswith(known))


@cache
def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text; those with hyphens also as one word."""
    plain = text.lower().replace("_", " ")
    joined = re.findall(r"\w+(?:[-–]\w+)+", plain)
    return (*re.findall(r"\w+", plain), *(re.sub(r"[-–]", "", word) for word in joined))
