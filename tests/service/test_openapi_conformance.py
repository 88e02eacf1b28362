"""The gateway against its own OpenAPI document: whatever is asked, it has the answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import gateway_process

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
)
"""Not `positive_data_acceptance`: that intrinsics belong together, that a box lies in its image and that a
parameter stands in the query or in the form, a schema cannot say."""


@pytest.mark.slow
def test_every_answer_is_one_that_the_document_has(views_repository: Path) -> None:
    """Schemathesis asks every operation at the edges of its schema, beyond them, and at random."""
    settings = {"ENGINE": "embedded", "MODEL_REPOSITORY": str(views_repository), "DEADLINE_S": "60"}
    with gateway_process(settings) as client:
        words = {
            "phases": "examples,coverage,fuzzing",
            "checks": ",".join(CHECKS),
            "max-examples": "8",
            "seed": "1",
            "request-timeout": "60",
        }
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"), "run",
                str(client.base_url.join("/openapi.json")),
                "--no-color", "--continue-on-failure", *(f"--{name}={word}" for name, word in words.items()),
            ],
            capture_output=True,
            text=True,
            timeout=600,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 7" in done.stdout
