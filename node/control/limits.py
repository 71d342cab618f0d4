"""Limits of the control socket, section `control` of the settings."""

from pydantic import BaseModel, ConfigDict, Field

from node.core.credentials import MAX_CONTENT, MAX_DATA

MAX_PLAINTEXT = MAX_CONTENT
"""Longest secret that is sealed, in bytes of UTF-8."""
MAX_INPUT = 8 * MAX_PLAINTEXT
"""Bytes of JSON text of an input: a secret of which JSON escapes every character takes six for each."""
MAX_RESEAL_INPUT = 4 * (MAX_DATA // 3 + 1) + 16 * 1024
"""The same of a sealed secret, which other writers of the table may have made longer than we take them."""
MAX_FRAME = MAX_RESEAL_INPUT + 64 * 1024
"""Largest frame that a client may send, in bytes."""
MAX_HELD = 2 * MAX_FRAME
"""Bytes of frames that one client can have us hold, half read or not yet answered."""
MAX_PAGE = 1000
"""Connections that one answer tells of."""
MAX_REASON = 200
"""Longest reason that a disconnected peer is told, in characters."""


class ControlLimits(BaseModel):
    """All who come are this user or root: the limits keep a broken program from starving the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_connections: int = Field(default=32, ge=1, le=1024, description="Connections to the control socket at once.")
    idle_timeout: float = Field(
        default=60.0, gt=0, le=3600, description="Seconds without a byte from such a connection; it is closed then."
    )
