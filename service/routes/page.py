"""The browser viewer at `/`: the files that `make web` built; the page may speak to this gateway alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from service.routes.assets import Asset
from service.routes.direct import DirectRoute

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "media-src blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""No other host, no inline script or style, no frame round the page."""

PAGE_HEADERS: Final = {
    "cache-control": "no-cache",  # asked after each time, answered 304: a new gateway shows its own page
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "permissions-policy": "camera=(self), microphone=(), geolocation=(), xr-spatial-tracking=(self)",
}

ASSET_HEADERS: Final = {
    "cache-control": "public, max-age=31536000, immutable",  # the name holds a hash of what is inside
}


def add_routes(app: FastAPI, folder: Path) -> None:
    """Add the page and its assets; without a built page in `folder`, add nothing."""
    if not (folder / "index.html").is_file():
        return
    page = _Page(folder)
    for path, endpoint in (("/", page.index), ("/assets/{name}", page.asset)):
        app.router.add_api_route(
            path, endpoint, methods=["GET", "HEAD"], include_in_schema=False, route_class_override=DirectRoute
        )


class _Page:
    """The files that there are at the start, each kind with its headers."""

    def __init__(self, folder: Path) -> None:
        self._index = Asset(folder / "index.html")
        self._assets = {path.name: Asset(path) for path in (folder / "assets").iterdir() if path.is_file()}

    async def index(self, request: Request) -> Response:
        """Return the page."""
        return await self._index.answer(request, PAGE_HEADERS)

    async def asset(self, request: Request) -> Response:
        """Return one of its scripts, styles or pictures."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return await asset.answer(request, ASSET_HEADERS)
