"""Room for as many sockets and files as the node's bounds allow: what most systems give is less."""

import resource

WANTED = 65_536


def make_room() -> None:
    """Raise the soft limit as far as the hard one lets (getrlimit(2)); it is low for the sake of select(2) alone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
