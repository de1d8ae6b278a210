"""The web page: a server in one thread beside the loop, which reads the live state.

    python -m device.run --web               # http://127.0.0.1:8420/
    python -m device.web password            # for any other address

Modules: `server` socket, TLS and thread; `connection` limits of one connection; `guard` hosts,
origins, rates and headers of every request; `login` password, sessions and pauses; `app` what is
served at which path; `feed` one value for many readers; `pictures` and `facts` what they read.
Nothing of it is imported unless `[web] address` is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UsageError
from ..resources import install_hint

if TYPE_CHECKING:
    from ..outputs.live import LiveRun
    from ..settings import WebSettings
    from .server import WebPage


def check_web(settings: WebSettings) -> None:
    """Raise UsageError for a password or certificate that is wrong, and without the packages."""
    _need_packages()
    from .server import check_access

    check_access(settings)


def open_web(live: LiveRun) -> WebPage:
    """Return the web page of a run, to be entered; UsageError if its packages are missing."""
    _need_packages()
    from .server import WebPage

    return WebPage(live)


def _need_packages() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the web page needs {error.name or 'starlette and uvicorn'}", install_hint("web")
        ) from error
