"""What can be done below one directory, for threads. Everything here works on what `walk` has found and holds open."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from node.handlers.sftp.backend import Path as Names
from node.handlers.sftp.codec.attributes import Attributes
from node.handlers.sftp.codec.extensions import Space
from node.handlers.sftp.codec.numbers import OpenFlags
from node.handlers.sftp.directory.changing import change
from node.handlers.sftp.directory.count import usage_below
from node.handlers.sftp.directory.held import HeldFile
from node.handlers.sftp.directory.ledger import Ledger
from node.handlers.sftp.directory.links import check_moved, check_target
from node.handlers.sftp.directory.opening import NEW, WRITING, open_existing, open_new
from node.handlers.sftp.directory.quota import Quota
from node.handlers.sftp.directory.rules import (
    check_harmless,
    check_own,
    check_regular,
    permissions_for,
)
from node.handlers.sftp.directory.space import space_of
from node.handlers.sftp.directory.walk import Last, Place, by_descriptor, found, missing

TRIES = 8
"""How often a file that somebody else makes and removes again and again is looked for."""
_NO_LINKS_HERE = (errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)


class Tree:
    """`root` is trusted, with all that leads to it; nothing below it is. `umask` holds for what is made."""

    def __init__(self, root: str, quota: Quota, umask: int) -> None:
        self._root = root
        self._umask = umask
        self.ledger = Ledger(quota, lambda: usage_below(root))

    def follow(self, quota: Quota, umask: int) -> None:
        """Others from now on, for what is open too. On any thread, which waits for nothing."""
        self.ledger.follow(quota)
        self._umask = umask

    def stat(self, path: Names, last: Last) -> os.stat_result:
        with found(self._root, path, last) as place:
            return os.fstat(place.there())

    def open(self, path: Names, flags: OpenFlags, attributes: Attributes) -> HeldFile:
        last = Last.ITSELF if flags & NEW == NEW else Last.FOLLOWED
        for _ in range(TRIES):
            with found(self._root, path, last) as place:
                if place.node is not None:
                    return self._existing(place.node, flags)
                if not flags & OpenFlags.CREATE:
                    raise missing()
                permissions = permissions_for(attributes.permissions, 0o666, self._umask)
                if (made := open_new(place, flags, permissions, self.ledger)) is not None:
                    return made
        raise OSError(errno.EBUSY, "somebody else makes and removes it all the time")

    def open_directory(self, path: Names) -> int:
        """A descriptor to read it by."""
        with found(self._root, path, Last.FOLLOWED) as place:
            return os.open(by_descriptor(place.there()), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def change(self, path: Names, attributes: Attributes) -> None:
        with found(self._root, path, Last.FOLLOWED) as place:
            status = os.fstat(place.there())
            if not stat.S_ISDIR(status.st_mode):
                self._check(status, writing=attributes.size is not None)
            change(by_descriptor(place.there()), status, attributes, self.ledger)

    def remove(self, path: Names) -> None:
        with self.ledger.naming, found(self._root, path, Last.ITSELF) as place:
            if stat.S_ISDIR(os.fstat(place.there()).st_mode):
                raise IsADirectoryError(errno.EISDIR, "it is a directory")
            with self.ledger.one_less(place.node):
                os.unlink(place.name, dir_fd=place.named())

    def make_directory(self, path: Names, attributes: Attributes) -> None:
        with found(self._root, path, Last.ITSELF) as place:
            parent = _free(place)
            with self.ledger.one_more():
                os.mkdir(place.name, permissions_for(attributes.permissions, 0o777, self._umask), dir_fd=parent)

    def remove_directory(self, path: Names) -> None:
        with (
            self.ledger.naming,
            found(self._root, path, Last.ITSELF) as place,
            self.ledger.one_less(place.there()),
        ):
            os.rmdir(place.name, dir_fd=place.named())

    def rename(self, old: Names, new: Names) -> None:
        """Files and links get the new name before they lose the old one, which never takes the place of anything."""
        with self._moving(old, new) as (source, target):
            is_directory, to = stat.S_ISDIR(os.fstat(source.there()).st_mode), _free(target)
            if is_directory or not _linked(source, target):
                os.rename(source.name, target.name, src_dir_fd=source.named(), dst_dir_fd=to)
            else:
                os.unlink(source.name, dir_fd=source.named())

    def replace(self, old: Names, new: Names) -> None:
        """Two names of one file both stay, as rename(2) has it."""
        with (
            self._moving(old, new) as (source, target),
            self.ledger.one_less(None if _are_one(source, target) else target.node),
        ):
            os.rename(source.name, target.name, src_dir_fd=source.named(), dst_dir_fd=target.named())

    def link(self, old: Names, new: Names) -> None:
        """The very file that was checked gets the name, whatever its old name means by now."""
        with self._two(old, new) as (source, target):
            self._check(os.fstat(source.there()), writing=True)
            parent = _free(target)
            with self.ledger.one_more():
                exactly = by_descriptor(source.there()).encode()
                os.link(exactly, target.name, dst_dir_fd=parent, follow_symlinks=True)

    def symlink(self, target: bytes, path: Names) -> None:
        with self.ledger.naming, found(self._root, path, Last.ITSELF) as place:
            parent = _free(place)
            check_target(target, place.depth)
            with self.ledger.one_more():
                os.symlink(target, place.name, dir_fd=parent)

    def read_link(self, path: Names) -> bytes:
        with found(self._root, path, Last.ITSELF) as place:
            node = place.there()
            if not stat.S_ISLNK(os.fstat(node).st_mode):
                raise OSError(errno.EINVAL, "no symbolic link")
            return os.readlink(b"", dir_fd=node)

    def space(self, path: Names) -> Space:
        with found(self._root, path, Last.FOLLOWED) as place:
            return self.space_at(place.there())

    def space_at(self, descriptor: int) -> Space:
        return space_of(os.fstatvfs(descriptor), self.ledger)

    def _existing(self, node: int, flags: OpenFlags) -> HeldFile:
        if flags & NEW == NEW:
            raise FileExistsError(errno.EEXIST, "there is one")
        self._check(os.fstat(node), writing=bool(flags & WRITING))
        return open_existing(node, flags, self.ledger)

    def _check(self, status: os.stat_result, *, writing: bool) -> None:
        check_regular(status)
        check_own(status, self._root)
        if writing:
            check_harmless(status)

    @contextmanager
    def _two(self, old: Names, new: Names) -> Iterator[tuple[Place, Place]]:
        with found(self._root, old, Last.ITSELF) as source, found(self._root, new, Last.ITSELF) as target:
            yield source, target

    @contextmanager
    def _moving(self, old: Names, new: Names) -> Iterator[tuple[Place, Place]]:
        """Nothing else is moved meanwhile, so that what was checked is what is moved."""
        with self.ledger.naming, self._two(old, new) as (source, target):
            check_moved(source.there(), source.depth, target.depth)
            yield source, target
            self.ledger.moved()


def _are_one(source: Place, target: Place) -> bool:
    """Whether both are names of one file."""
    return target.node is not None and os.path.samestat(os.fstat(source.there()), os.fstat(target.node))


def _free(place: Place) -> int:
    """The directory of a name that nothing has. Raises OSError."""
    if place.parent is None or place.node is not None:
        raise FileExistsError(errno.EEXIST, "there is one")
    return place.parent


def _linked(source: Place, target: Place) -> bool:
    """Give what `source` names a second name; False where the file system gives it none."""
    try:
        os.link(
            source.name,
            target.name,
            src_dir_fd=source.named(),
            dst_dir_fd=target.named(),
            follow_symlinks=False,
        )
    except OSError as error:
        if error.errno in _NO_LINKS_HERE:
            return False
        raise
    return True
