"""One file of a job: what is read, what is written, and what became of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..contract.progress import Progress

State = Literal["waiting", "running", "done", "kept", "skipped", "failed"]


@dataclass(frozen=True)
class Outcome:
    """What became of an item.

    Attributes
    ----------
    state
        "done"; "kept" if an earlier run of the same plan on the same source had finished it; "skipped" because another
        file was in its place; "failed"; "waiting" if it was not tried, or was stopped.
    reason
        Why it failed, was skipped or was computed again; "" if there is nothing to say.
    seconds
        Time from opening the source to the published result.
    bytes
        Size of the result on disk.
    saturated
        Number of values that its steps clipped.
    shape, dtype
        Shape and type of the result.
    digest
        Digest of the pixels of the result; "" for one that was computed shard by shard.
    notes
        Sentences of the steps on their results.
    is_refusal
        Whether a failure lies in the input or the arguments, not in the run.
    parts
        What the files of the source were, besides the source itself.
    """

    state: State
    reason: str = ""
    seconds: float = 0.0
    bytes: int = 0
    saturated: int = 0
    shape: tuple[int, ...] = ()
    dtype: str = ""
    digest: str = ""
    notes: tuple[str, ...] = ()
    is_refusal: bool = False
    parts: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the outcome as plain values for JSON."""
        return {**asdict(self), "shape": list(self.shape), "notes": list(self.notes)}

    @classmethod
    def of(cls, plain: Mapping[str, Any], **changes: Any) -> "Outcome":
        """Return an outcome from plain values; what it does not know, and what is of another type, is left out."""
        known: dict[str, Any] = {n: v for n, v in plain.items() if n in PLAIN and isinstance(v, PLAIN[n])}
        known |= {name: tuple(known[name]) for name in ("shape", "notes") if name in known}
        if not all(type(n) is int for n in known.get("shape", ())) or not all(map(_is_text, known.get("notes", ()))):
            return cls(**changes)
        return cls(**(known | changes))


PLAIN: dict[str, Any] = {
    "reason": str, "seconds": (int, float), "bytes": int, "saturated": int, "shape": list, "dtype": str, "digest": str,
    "notes": list, "is_refusal": bool, "parts": dict,
}  # fmt: skip


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


@dataclass(frozen=True)
class Item:
    """A file of a job.

    Attributes
    ----------
    number
        Its place in the job, from 0.
    source
        Path or address of the image, as it was given or found.
    output
        Path of the result.
    before
        What an earlier run, or the place of the result, says about it: "waiting" for what this run computes.
    overwrite
        Whether what lies at `output` may be replaced: by choice, or as a result of an earlier run of this job.
    """

    number: int
    source: str
    output: Path
    before: Outcome = field(default_factory=lambda: Outcome("waiting"))
    overwrite: bool = False


@dataclass(frozen=True)
class ItemEvent:
    """News of an item: it has begun or goes on (`state` is "running"), or `outcome` says what became of it."""

    number: int
    state: State
    progress: Progress | None = None
    outcome: Outcome | None = None
