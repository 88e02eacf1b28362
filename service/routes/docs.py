"""`/docs`: the API described by itself, from files of our own; and the keys that it may ask for."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

PATH: Final = "/docs"
FILES_PATH: Final = "/static-offline-docs"

SECURITY_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
}
OPTIONAL: Final[list[dict[str, list[str]]]] = [{}, {"bearer": []}, {"header": []}]
"""By OpenAPI's rules: none, or one of them. Whether a gateway asks for keys is its operator's choice."""

INLINE_SCRIPT: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class DocumentedAPI(FastAPI):
    """An application whose document says how keys are sent."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        document = super().openapi()
        document["components"]["securitySchemes"] = SECURITY_SCHEMES
        document["security"] = OPTIONAL
        return document


def add_routes(app: FastAPI) -> None:
    """Add the page and its files, which lie in the package `fastapi_offline`."""
    app.mount(FILES_PATH, StaticFiles(directory=str(files("fastapi_offline") / "static")))
    app.add_api_route(PATH, describe, include_in_schema=False)


async def describe(request: Request) -> Response:
    """Return the page, whose policy knows its one inline script by its hash."""
    root = request.scope.get("root_path", "")
    page: Response = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=request.app.title,
        swagger_js_url=f"{root}{FILES_PATH}/swagger-ui-bundle.js",
        swagger_css_url=f"{root}{FILES_PATH}/swagger-ui.css",
        swagger_favicon_url=f"{root}{FILES_PATH}/favicon.png",
        swagger_ui_parameters={"defaultModelsExpandDepth": 0},
    )
    (script,) = INLINE_SCRIPT.findall(bytes(page.body))
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    page.headers["content-security-policy"] = (
        f"default-src 'none'; script-src 'self' 'sha256-{digest}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return page
