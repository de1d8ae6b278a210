"""The reason in an OSError of the log's disk, and what the user can do about it."""

import errno

_HINTS = {
    errno.ENOSPC: "free space on the disk",
    errno.EDQUOT: "free space on the disk",
    errno.EFBIG: "set max_mb in [rotation], or start another file",
    errno.EROFS: "make the disk writable",
    errno.EACCES: "make the folder writable",
    errno.ENOENT: "create the folder again",
    errno.ENODEV: "plug the disk in again",
    errno.EINVAL: "move it to another folder",  # what is there is no file
    errno.EEXIST: "move it to another folder",
    errno.EISDIR: "move it to another folder",
    errno.EAGAIN: "stop the other process",
}
# What passes without another path or other rights.
_TEMPORARY = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ENODEV, errno.ENXIO),
    *(errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT),
    *(errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}


def is_temporary(error: OSError) -> bool:
    """Whether the disk may take the file later: it is full, read-only, unplugged or at a limit."""
    return error.errno in _TEMPORARY


def reason(error: OSError) -> str:
    """Return the error's text without its number and path."""
    return error.strerror or str(error)


def hint(error: OSError) -> str:
    """Return the hint for a FacetError about this error."""
    return _HINTS.get(error.errno or 0, "dmesg | tail")
