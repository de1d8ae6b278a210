"""Facet's logger: commands print it to stderr, users of the library configure it."""

import logging

log = logging.getLogger("facet")
log.addHandler(logging.NullHandler())
