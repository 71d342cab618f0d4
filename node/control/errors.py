"""What an operation of the control socket can fail with, beside the codes of the call protocol."""

from enum import StrEnum

from node.handlers.call.errors import CallError, DeclaredError, ErrorCode


class ControlCode(StrEnum):
    """Declared by the operations that need the vault."""

    VAULT_LOCKED = "VAULT_LOCKED"
    SEALING_FAILED = "SEALING_FAILED"


SEALING_ERRORS = (
    DeclaredError(ControlCode.VAULT_LOCKED, "the vault is locked: nothing can be sealed before it is opened"),
    DeclaredError(ControlCode.SEALING_FAILED, "the vault could not seal what was given"),
)
"""What the operations that seal declare."""
SIGNING_ERRORS = (DeclaredError(ControlCode.VAULT_LOCKED, "the vault is locked, and the node's key is behind it"),)
"""What the operation that signs declares."""


def vault_locked() -> CallError:
    return CallError(ControlCode.VAULT_LOCKED, "the vault is locked: alknet vault unlock", retryable=True)


def sealing_failed(message: str) -> CallError:
    """`message` must not have come from anything secret."""
    return CallError(ControlCode.SEALING_FAILED, message)


def invalid_input(message: str) -> CallError:
    return CallError(ErrorCode.INVALID_INPUT, message)
