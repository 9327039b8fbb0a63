"""The OpenAPI document holds: whatever is sent, the answer is as it says, and never a 5xx."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys

import pytest

from tests.web.api.conftest import store_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What schemathesis checks of each of its requests. Without negative_data_rejection: it wants query
# parameters refused that nobody declared.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)
# More by hand: FUZZ_EXAMPLES=500.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "8")
# Things that there are, so that not all ends with 404.
CONFIG = """
[parameters]
"path.device" = "h1"
"query.series" = ["h1/TemperatureSensor/CurrentTemperature"]
"""


async def test_the_document_is_there_for_everybody_and_names_scopes(nobody, full):
    document = (await nobody.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["x-scope"], (method, path)
            refused = operation["responses"]["404"]["content"]
            assert list(refused) == ["application/problem+json"], (method, path)
            assert "HTTPValidationError" not in str(operation)


async def test_fuzzing_finds_no_answer_that_the_document_does_not_know(full, make_token, tmp_path):
    token = await make_token("admin", name="fuzz")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    seed = secrets.randbelow(2**32)
    url = f"http://127.0.0.1:{full.facts['http_port']}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config),
        "run", f"{url}/api/openapi.json",
        "--checks", CHECKS, "--seed", str(seed), "--max-examples", EXAMPLES,
        "--phases", "examples,coverage,fuzzing", "--header", f"Authorization:Bearer {token}",
        "--header", f"Origin:{url}",
        # The stream has no end, and whoever revokes tokens soon revokes this one.
        "--exclude-path", "/live", "--exclude-path", "/tokens/{number}",
        "--request-timeout", "30", "--continue-on-failure",
        "--suppress-health-check", "all", "--no-color",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    print(output.decode())
    assert process.returncode == 0, f"seed {seed}"
    # The hub is none the worse for it, and the other tenant untouched.
    assert (await full.status())["problems"] == {}
    async with store_of(full) as store, store.tenant("beach") as conn:
        rows = await conn.execute("SELECT count(*) FROM dormouse.place")
        assert await rows.fetchone() == (0,)
