"""Messages about parameters in the words of a form."""

import re
from collections.abc import Iterable, Mapping

from ...contract.signature import Parameter
from .parameter_field import label

# What the parameters of a run, and the images of an operation, are called in a dock.
OPTIONS = {
    "value_range": "Value range", "dtype": "Output type", "scope": "Apply to", "ndim": "Process as",
    "axes": "Process as", "level": "Level", "statistics": "Statistics", "image": "Image", "psf": "PSF",
}  # fmt: skip
NAMED = re.compile(r"^(\w+)(?:=(?P<value>.*?))?: (?P<rest>(?:must|choose|needs|draw|has) .*)$", re.DOTALL)


def in_form_words(text: str, parameters: Mapping[str, Parameter], images: Iterable[str] = ()) -> str:
    """Return a message with the labels of fields in place of the names of parameters and further images.

    ``name=value: must ...`` becomes ``Label: must ...``; the value is the one that the field shows.
    """
    found = NAMED.match(text)
    called = {name: label(name, p.hint).partition(" (")[0].removesuffix(" f/") for name, p in parameters.items()}
    called = {name: name[0].upper() + name[1:] for name in images} | OPTIONS | called
    if found and found[1] in called:
        text = f"{called[found[1]]}: {found['rest']}"
    return re.sub(r"\b(\w+)=", lambda m: f"{called[m[1]]} " if m[1] in called else m[0], text)
