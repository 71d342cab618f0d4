"""What an import of another node's operations can fail with (spec call §13). Nothing is imported then."""


class ImportFailed(RuntimeError):
    """The operations of a peer could not be imported. Its text says why, and quotes nothing long of the peer's."""


class DiscoveryFailed(ImportFailed):
    """The peer did not answer one of the questions that an import asks."""


class Unauthorized(DiscoveryFailed):
    """The peer may be asked, but not by us."""


class TransportFailed(DiscoveryFailed):
    """The connection ended before everything was known."""


class SchemaParse(ImportFailed):
    """What the peer answered describes no operation."""


class SamePeerCollision(ImportFailed):
    """Two operations of one peer would have the same name here."""


class TooMuchOffered(ImportFailed):
    """The peer offers more operations, or larger descriptions of them, than we take."""
