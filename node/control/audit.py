"""`audit/sign`: the node's word for the head of the audit log. Its key signs one form of text here, and no other.

The key is not known here. The assembly gives a function that signs a head, and that function makes the text.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from node.control import inputs
from node.control.administrator import MAY_SIGN
from node.control.errors import SIGNING_ERRORS
from node.control.limits import MAX_INPUT
from node.core.checkpoint import Checkpoint
from node.handlers.call.operation import Operation, OperationContext

Sign = Callable[[int, str], Checkpoint]
"""Gives the checkpoint of a head, from its number and its hash. Raises CallError VAULT_LOCKED."""

logger = logging.getLogger(__name__)


def audit_operations(sign: Sign) -> Sequence[Operation]:
    """What the control socket offers for the audit log."""

    async def signed(value: Any, context: OperationContext) -> dict[str, Any]:
        asked = inputs.read(value, inputs.HeadInput)
        made = sign(asked.number, asked.hash)
        by = context.identity.id if context.identity else None
        # Here, too: whoever writes the table again from its beginning has this log against him.
        logger.info("signed the head of the audit log", extra={"number": asked.number, "hash": asked.hash, "by": by})
        return {
            "number": made.number,
            "hash": made.hash,
            "fingerprint": made.fingerprint,
            "signed_at": made.signed_at,
            "signature": made.signature,
        }

    return [Operation("audit/sign", signed, access=MAY_SIGN, max_input=MAX_INPUT, error_schemas=SIGNING_ERRORS)]
