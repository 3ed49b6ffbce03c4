"""Restoring the saved values of a form."""

import logging
from collections.abc import Mapping
from typing import Any

from ...contract.signature import Signature
from .form import Form

log = logging.getLogger(__name__)


def restore_form(form: Form, operation: Signature, typed: Mapping[str, Any]) -> None:
    """Fill in saved values as far as they are valid; the others stay at their defaults."""
    for name, value in typed.items():
        try:
            if isinstance(value, Mapping):
                form.want(name, value)
            else:
                form.load({name: operation.validate({name: value})[name]})
        except (AttributeError, TypeError, ValueError) as error:
            log.info("%s: not restored: %s", operation.id, error)
            if name in operation.parameters:
                form.load({name: operation.parameters[name].default})
