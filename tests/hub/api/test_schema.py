"""The OpenAPI document holds: whatever is sent, the answer is as it says, and never a 5xx."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys

import pytest

from tests.hub.filled import store_of
from tests.support import seeds

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("full")]

# What schemathesis checks of each of its requests. Without negative_data_rejection: it wants query
# parameters refused that nobody declared.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)
# `make test` takes some of the paths, which is a minute less; `make fuzz` other ones each time, and
# `make soak` all of them with more requests to each (FUZZ_EXAMPLES).
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "")
PATHS = 5
# The stream has no end, and whoever revokes tokens soon revokes the one in use.
LEFT_OUT = {"/live", "/tokens/{number}"}
# Fuzzed apart from /people: from its answer the fuzzer takes names, and removes Ann, rightly.
MEMBERSHIP = {"/people/leave", "/people/remove", "/people/role"}
# Things that there are, so that not all ends with 404.
CONFIG = """
[parameters]
"path.device" = "h1"
"query.series" = ["h1/TemperatureSensor/CurrentTemperature"]
"query.tenant" = "home"
"header.X-Dormouse-Tenant" = "home"
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


async def fuzzed(url: str, checks: str, paths: list[str], folder, *headers: str) -> None:
    """Let schemathesis ask some of the paths, or all of them; it finds nothing."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    seed = seeds.seed()
    if not EXAMPLES:
        paths = random.Random(seed).sample(paths, min(PATHS, len(paths)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(config),
        "run", f"{url}/api/openapi.json",
        *(word for path in paths for word in ("--include-path", path)),
        "--checks", checks, "--seed", str(seed), "--max-examples", EXAMPLES or "5",
        "--phases", "examples,coverage,fuzzing", "--header", f"Origin:{url}",
        *(word for header in headers for word in ("--header", header)),
        "--request-timeout", "60", "--continue-on-failure",
        "--suppress-health-check", "all", "--no-color",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    print(output.decode())
    assert process.returncode == 0, f"seed {seed}"


def paths_of(document: dict, *, operators: bool) -> list[str]:
    """The paths that only operators ask, or those that others do."""
    return sorted(
        path
        for path, operations in document["paths"].items()
        if path not in LEFT_OUT
        and all(one["x-scope"] == "operator" for one in operations.values()) == operators
    )


async def test_fuzzing_finds_no_answer_that_the_document_does_not_know(
    full, make_token, nobody, tmp_path
):
    token = await make_token("admin", name="fuzz")
    document = (await nobody.get("/api/openapi.json")).json()
    paths = paths_of(document, operators=False)
    url = f"http://127.0.0.1:{full.facts['http_port']}"
    await fuzzed(url, CHECKS, paths, tmp_path, f"Authorization:Bearer {token}")
    # The hub is none the worse for it, and the other tenant untouched.
    assert (await full.status())["problems"] == {}
    async with store_of(full) as store, store.of("beach").transaction() as conn:
        rows = await conn.execute("SELECT count(*) FROM dormouse.place")
        assert await rows.fetchone() == (0,)


@contextlib.asynccontextmanager
async def reachable(path):
    """A TCP port that leads to a unix socket: schemathesis knows no others."""

    async def pass_on(reader, writer):
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def connected(reader, writer):
        to_hub = await asyncio.open_unix_connection(path)
        await asyncio.gather(pass_on(reader, to_hub[1]), pass_on(to_hub[0], writer))

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_fuzzing_as_an_operator_finds_no_such_answer_either(full, tmp_path):
    document = await full.ask("GET", "/openapi.json")
    paths = paths_of(document, operators=True)
    checks = ",".join(set(CHECKS.split(",")) - {"ignored_auth"})  # none is asked for
    async with reachable(full.data_dir / "hub.sock") as url:
        await fuzzed(url, checks, sorted(set(paths) - MEMBERSHIP), tmp_path)
        await fuzzed(url, checks, sorted(MEMBERSHIP), tmp_path)
    # Everybody is still who they were.
    people = {person["name"]: person["roles"] for person in await full.ask("GET", "/people")}
    assert people["ann"] == {"home": "administrator"}
    assert people["eve"] == {"beach": "administrator"}
