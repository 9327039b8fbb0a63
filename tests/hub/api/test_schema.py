"""The OpenAPI document holds: whatever is sent, the answer is as it says, and never a 5xx."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys

import pytest

from tests.hub.api import test_access
from tests.hub.api.test_access import NOWHERE
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


# JSON that parsers stumble over: depth, numbers beyond any type, what is no JSON though Python
# takes it, halves of surrogate pairs, NUL, and bytes that are no UTF-8.
JSON = {
    "deep": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep and whole": b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a number without end": b'{"name": ' + b"9" * 10_000 + b"}",
    "numbers too large": b'{"name": 1e400, "value": -1e400, "at": 1e400, "minutes": 1e400}',
    "no numbers": b'{"name": NaN, "value": Infinity, "at": -Infinity, "minutes": NaN}',
    "half a character": b'{"name": "\\ud800", "value": "\\udfff"}',
    "nothing in a text": b'{"name": "a\\u0000b", "value": "\\u0000"}',
    "bytes": b'{"name": "\xff\xfe\x00"}',
    "a thousand of one key": b'{"name": "x"' + b', "name": "y"' * 1000 + b"}",
    "many members": b'{"a0": 1' + b"".join(b', "a%d": 1' % n for n in range(5000)) + b"}",
}  # fmt: skip
# Where a number, an instant, a name or a list is wanted.
QUERY = ("9" * 5000, "1e400", "-1", "NaN", "%00", "%ff%fe", "%ed%a0%80", "9999-12-31T23:59:60Z",
         "-9999999-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")  # fmt: skip
MANY = "&".join(f"q{n}=x" for n in range(5000))
RANGES = "bytes=" + ",".join(f"{n}-" for n in range(2000))


def some(found: list, number: int) -> list:
    """As many of them by this run's seed, or all in `make soak`."""
    return found if EXAMPLES else random.Random(seeds.seed()).sample(found, number)


async def test_what_parsers_stumble_over_is_refused(ann, full):
    """As an administrator asks it."""
    every = await test_access.operations(ann)
    wanted = [(method, path) for method, path, scope in every
              if scope != "operator" and method in {"POST", "PUT", "PATCH"}]  # fmt: skip
    for method, path in some(wanted, 4):
        for name, body in JSON.items():
            content = {"content": body, "headers": {"Content-Type": "application/json"}}
            answer = await ann.request(method, path, **content)
            assert answer.status_code < 500, (method, path, name, answer.text[:200])
    assert (await full.status())["problems"] == {}


async def test_what_no_parameter_can_be_is_refused(ann):
    document = (await ann.get("/api/openapi.json")).json()
    wanted = [
        (f"/api{path.format(**NOWHERE)}", parameter["name"])
        for path, methods in document["paths"].items()
        if path != "/live" and methods.get("get", {}).get("x-scope", "operator") != "operator"
        for parameter in methods["get"].get("parameters", ())
        if parameter["in"] == "query"
    ]
    for address, name in some(wanted, 8):
        for value in QUERY:
            answer = await ann.get(f"{address}?{name}={value}")
            assert answer.status_code < 500, (address, name, value[:20], answer.text[:200])
    answer = await ann.get(f"{wanted[0][0]}?{MANY}")
    assert answer.status_code in {400, 413, 414, 422}
    for path in ("/", "/api/devices", "/api/openapi.json", "/healthz"):
        answer = await ann.get(path, headers={"Range": RANGES, "If-Range": "*"})
        assert answer.status_code in {200, 303, 307, 416}
        assert "multipart" not in answer.headers["content-type"]
