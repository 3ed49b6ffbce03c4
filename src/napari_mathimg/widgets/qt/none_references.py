"""A guard against a fault of PySide6 that ends the process."""

import ctypes
import sys

from qtpy import API_NAME

MANY = 2**40  # more references than are ever lost


def keep_none() -> None:
    """Keep None alive on PySide6 and a Python before 3.12.

    PySide6 6.12 gives up a reference to None, which it does not own, whenever a function of Qt returns no object. When
    the last one is gone, Python ends with "deallocating None". From 3.12 on, None does not count its references.
    """
    if API_NAME == "PySide6" and sys.version_info < (3, 12) and sys.implementation.name == "cpython":
        ctypes.c_ssize_t.from_address(id(None)).value += MANY  # the count is the first field of an object
