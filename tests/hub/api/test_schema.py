"""The OpenAPI document holds: whatever is sent, the answer is as it says, and never a 5xx."""

from __future__ import annotations

import asyncio
import os
import random
import sys

import pytest

from tests.hub.filled import store_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

# What schemathesis checks of each of its requests. Without negative_data_rejection: it wants query
# parameters refused that nobody declared.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)
# Each run takes some of the paths, which is a minute less; all of them, and more requests to each,
# with FUZZ_EXAMPLES=100.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "")
PATHS = 9
# The stream has no end, and whoever revokes tokens soon revokes the one in use.
LEFT_OUT = {"/live", "/tokens/{number}"}
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


@pytest.mark.timeout(1800)
async def test_fuzzing_finds_no_answer_that_the_document_does_not_know(
    full, make_token, nobody, tmp_path
):
    token = await make_token("admin", name="fuzz")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    seed = random.SystemRandom().randrange(2**32)
    document = (await nobody.get("/api/openapi.json")).json()
    paths = sorted(set(document["paths"]) - LEFT_OUT)
    if not EXAMPLES:
        paths = random.Random(seed).sample(paths, PATHS)
    url = f"http://127.0.0.1:{full.facts['http_port']}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config),
        "run", f"{url}/api/openapi.json",
        *(word for path in paths for word in ("--include-path", path)),
        "--checks", CHECKS, "--seed", str(seed), "--max-examples", EXAMPLES or "5",
        "--phases", "examples,coverage,fuzzing", "--header", f"Authorization:Bearer {token}",
        "--header", f"Origin:{url}", "--request-timeout", "60", "--continue-on-failure",
        "--suppress-health-check", "all", "--no-color",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    print(output.decode())
    assert process.returncode == 0, f"seed {seed}"
    # The hub is none the worse for it, and the other tenant untouched.
    assert (await full.status())["problems"] == {}
    async with store_of(full) as store, store.tenant("beach") as conn:
        rows = await conn.execute("SELECT count(*) FROM dormouse.place")
        assert await rows.fetchone() == (0,)
