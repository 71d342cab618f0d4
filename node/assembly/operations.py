"""Operations of installed packages: what their entry points in the group `alknet.operations` name.

An entry point is an Operation, several in a list or tuple, or a function without parameters that gives either. What is
broken stops the start, for a node that serves less than was installed would be found out by its callers one by one.
"""

import logging
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from node.handlers.call.errors import RegistrationError
from node.handlers.call.operation import Operation, OperationRegistry

GROUP = "alknet.operations"

logger = logging.getLogger(__name__)


def add_installed(registry: OperationRegistry) -> None:
    """Register all of them, in the order of their packages' names. Raises RegistrationError that names the package."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: (_package(entry), entry.name)):
        names = []
        for operation in _operations(entry):
            try:
                registry.register(operation)
            except RegistrationError as error:
                raise _broken(entry, str(error)) from error
            names.append(operation.name)
        logger.info("operations added", extra={"package": _package(entry), "operations": names})


def _operations(entry: EntryPoint) -> Iterator[Operation]:
    try:
        found = entry.load()
        made = found() if callable(found) else found
    except (Exception, SystemExit) as error:
        raise _broken(entry, f"it cannot be loaded: {type(error).__name__}: {error}") from error
    for operation in made if isinstance(made, (list, tuple)) else [made]:
        yield _checked(entry, operation)


def _checked(entry: EntryPoint, found: Any) -> Operation:
    if isinstance(found, Operation):
        return found
    raise _broken(
        entry, f"it gives {type(found).__name__}, and not an Operation, a list of them or a function for these"
    )


def _broken(entry: EntryPoint, why: str) -> RegistrationError:
    return RegistrationError(
        f"the package {_package(entry)} is broken (entry point {entry.name} = {entry.value} in {GROUP}): {why}; "
        "mend it or uninstall it"
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module
