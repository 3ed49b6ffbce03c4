"""What lies in the places of the results before a run, and what an earlier run says about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...io.problems import ImageFileError
from ..choices import JobChoices
from ..item import Item, Outcome
from .identity import are_same, identity, state_of
from .journal import Entry, key_of

CHANGED = "its source has changed since the earlier run"
EARLIER = "finished by an earlier run"
OTHER_FILE = "another file is in the place of the result"
OTHER_PLAN = "the result of another recipe, image or choice is in its place"


def with_before(
    items: Sequence[Item], folder: Path, journal: Mapping[str, Entry], plan: str, choices: JobChoices
) -> tuple[Item, ...]:
    """Return items with what earlier runs say about them.

    Raises
    ------
    ImageFileError
        If files in the places of results must stay, and may not be left out.
    """
    out, refused = [], list[tuple[Item, str]]()
    for item in items:
        there = state_of(item.output)
        entry = journal.get(key_of(item.output, folder), {})
        is_ours = there is not None and _is_ours(entry, there)
        source, now = entry.get("source") or {}, identity(item.source)
        is_same = entry.get("plan") == plan and source.get("path") == (now or {}).get("path")
        if is_ours and is_same and entry.get("state") == "done" and not choices.restart:
            told = entry.get("outcome") or {}
            if source == now and are_same(told.get("parts", {})):
                known = Outcome.of(told, state="kept", reason=EARLIER)
                out.append(replace(item, before=known))
                continue
            waiting = Outcome("waiting", CHANGED)
        else:
            waiting = Outcome("waiting")
        if there is None or (is_ours and is_same):
            out.append(replace(item, before=waiting, overwrite=there is not None))
        elif choices.on_exists == "overwrite":
            out.append(replace(item, before=waiting, overwrite=True))
        else:
            why = OTHER_PLAN if is_ours else OTHER_FILE
            refused.append((item, why))
            out.append(replace(item, before=Outcome("skipped", why)))
    if refused and choices.on_exists == "fail":
        item, why = refused[0]
        more = f"; {len(refused) - 1} more, too" if len(refused) > 1 else ""
        raise ImageFileError(
            f"{item.output}: must not exist ({why}), or be overwritten or skipped on purpose (--on-exists){more}"
        )
    return tuple(out)


def _is_ours(entry: Entry, there: Mapping[str, object]) -> bool:
    """Return whether a file is the result that the journal tells of: done, or just published when a run was killed."""
    if entry.get("state") == "done":
        return bool(entry.get("result") == there)
    return "there" in entry and entry["there"] != there
