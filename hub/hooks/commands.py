"""`dormouse hook`: firmware, or anything else, that arrives by pushing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from hub.client import DataDir, HubClient, Json, Tenant
from hub.hooks.errors import HookRefusedError
from hub.hooks.sources import HookSource
from hub.settings import load

__all__ = ["app"]

app = typer.Typer(
    help="Hooks: a push to a repository starts a chain, from tests to updated devices.",
    no_args_is_help=True,
)

HookArgument = Annotated[str, typer.Argument(metavar="HOOK", help="its name")]

# What `add` takes and `change` changes.
_REPOSITORY = "https://host/path or git@host:path"
_BRANCH = typer.Option(help="pushes to this branch start it")
SecretFile = Annotated[
    typer.FileText | None, typer.Option(help="take the secret from a file (- for the input)")
]
StatusTokenFile = Annotated[
    typer.FileText | None, typer.Option(help="tell commit statuses, with this file's token")
]
ChainFile = Annotated[
    typer.FileText | None, typer.Option(help="all of the chain as JSON (docs/hooks.md)")
]


def _hub(data_dir: Path | None, tenant: str | None) -> HubClient:
    return HubClient(load(data_dir=data_dir), "dormouse hook", tenant=tenant)


@app.command("list")
def list_(tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Hooks, and what each does."""
    with _hub(data_dir, tenant) as hub:
        hooks = hub.get("/hooks")
    if as_json:
        typer.echo(json.dumps(hooks, ensure_ascii=False))
        return
    table = Table("name", "source", "repository", "branch", "steps", box=None)
    for hook in hooks:
        kinds = ", ".join(step["kind"] for step in hook["chain"]["steps"])
        table.add_row(hook["name"], hook["source"], hook["repository"], hook["branch"], kinds)
    Console().print(table)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="what it is called: /hook/NAME")],
    repository: Annotated[str, typer.Argument(help=_REPOSITORY)],
    source: Annotated[HookSource, typer.Option(help="who calls it")],
    branch: Annotated[str, _BRANCH] = "main",
    *,
    merge_into: Annotated[
        str, typer.Option(help="do everything on the merge with this branch")
    ] = "",
    test: Annotated[list[str] | None, typer.Option(help="a command that must succeed")] = None,
    build: Annotated[str, typer.Option(help="a command that makes the firmware's image")] = "",
    file: Annotated[str, typer.Option(help="what it makes, within the repository")] = "",
    version: Annotated[str, typer.Option(help="the image's version, for its trailer")] = "",
    version_file: Annotated[str, typer.Option(help="a file that has the version")] = "",
    board: Annotated[str, typer.Option(help="the image's board, for its trailer")] = "",
    signer: Annotated[
        str, typer.Option(help="a program that signs; without it a person does: hook sign")
    ] = "",
    rollout: Annotated[
        str,
        typer.Option(help="to whom the image goes: all, a place's name or path, or id,id"),
    ] = "",
    canary: Annotated[int, typer.Option(help="devices that go first")] = 1,
    reports: Annotated[int, typer.Option(help="reports until one counts as healthy")] = 3,
    install: Annotated[
        str, typer.Option(help="a command that makes --file, another version of this hub")
    ] = "",
    update_hub: Annotated[
        bool, typer.Option("--update-hub", help="have that version take this hub's place")
    ] = False,
    command: Annotated[list[str] | None, typer.Option(help="a command at the end")] = None,
    key: Annotated[str, typer.Option(help="private key file, for git by ssh")] = "",
    known_hosts: Annotated[str, typer.Option(help="file of the hosts that ssh trusts")] = "",
    submodules: Annotated[str, typer.Option(help="refuse, fetch or leave")] = "refuse",
    max_mb: Annotated[int, typer.Option(help="MB that the repository may have")] = 200,
    network: Annotated[bool, typer.Option(help="whether commands reach a network")] = True,
    secret_file: SecretFile = None,
    status_token_file: StatusTokenFile = None,
    status_url: Annotated[str, typer.Option(help="the source's API, where it is elsewhere")] = "",
    chain: ChainFile = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Add a hook and print where its host posts to, and its secret, this once."""
    if chain is not None:
        given = _json(chain)
    else:
        given = {
            "merge_into": merge_into, "key": key and str(Path(key).absolute()),
            "known_hosts": known_hosts and str(Path(known_hosts).absolute()),
            "submodules": submodules, "max_mb": max_mb, "limits": {"network": network},
            "status_url": status_url,
            "steps": [
                *({"kind": "test", "command": one} for one in test or []),
                *_firmware(
                    build,
                    {"file": file},
                    {"command": signer, "version": version, "version_file": version_file,
                     "board": board},
                ),
                *_rollout(rollout, canary, reports),
                *(_hub_itself(install, file) if update_hub else ()),
                *({"kind": "command", "command": one} for one in command or []),
            ],
        }  # fmt: skip
    body = {
        "name": name, "source": source.value, "repository": repository, "branch": branch,
        "secret": _line(secret_file), "status_token": _line(status_token_file),
        "chain": given,
    }  # fmt: skip
    with _hub(data_dir, tenant) as hub:
        made = hub.post("/hooks", body)
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
        return
    typer.echo(f"{made['name']}: have {source.value} post pushes to {made['path']} of this hub")
    typer.echo(f"secret: {made['secret']}")


@app.command()
def change(
    hook: HookArgument,
    *,
    repository: Annotated[str | None, typer.Option(help=_REPOSITORY)] = None,
    branch: Annotated[str | None, _BRANCH] = None,
    new_secret: Annotated[bool, typer.Option("--new-secret", help="make another secret")] = False,
    secret_file: SecretFile = None,
    status_token_file: StatusTokenFile = None,
    chain: ChainFile = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Change a hook; what is not named stays. A new secret is printed, this once."""
    body: dict[str, Any] = {}
    if repository is not None:
        body["repository"] = repository
    if branch is not None:
        body["branch"] = branch
    if secret_file or new_secret:
        body["secret"] = _line(secret_file)
    if status_token_file:
        body["status_token"] = _line(status_token_file)
    if chain:
        body["chain"] = _json(chain)
    if not body:
        raise HookRefusedError(
            "nothing is named that is to change: --branch, --repository, --chain, --new-secret, ..."
        )
    with _hub(data_dir, tenant) as hub:
        changed = hub.patch(f"/hooks/{hook}", body)
    if as_json:
        typer.echo(json.dumps(changed, ensure_ascii=False))
        return
    typer.echo(f"hook {changed['name']} is changed; runs that are queued go on as they were")
    if changed["secret"]:
        typer.echo(f"secret: {changed['secret']}")


@app.command()
def log(
    hook: Annotated[str | None, typer.Argument(help="its name; without it, of all")] = None,
    run: Annotated[int | None, typer.Option("--run", help="one run, with its last lines")] = None,
    tenant: Tenant = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """What was run, the newest first; with --run one run's steps."""
    with _hub(data_dir, tenant) as hub:
        if run is not None:
            found = [hub.get(f"/hooks/runs/{run}")]
        else:
            found = hub.get("/hooks/runs", **({} if hook is None else {"hook": hook}))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    if run is not None:
        _print_run(found[0])
        return
    table = Table("run", "hook", "commit", "state", "where", "begun", box=None)
    for one in found:
        begun = (one["began"] or one["created"])[:16].replace("T", " ")
        table.add_row(
            str(one["id"]), one["hook"], one["commit"][:12], one["state"], _where(one), begun
        )
    Console().print(table)


@app.command()
def run(
    hook: HookArgument, tenant: Tenant = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Begin a run of the branch's head, as a push would."""
    with _hub(data_dir, tenant) as hub:
        made = hub.post(f"/hooks/{hook}/runs", {})
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
        return
    typer.echo(f"run {made['id']} is {made['state']}: `dormouse hook log --run {made['id']}`")


@app.command()
def sign(
    run: Annotated[int, typer.Argument(help="the run that waits: see `dormouse hook log`")],
    *,
    key: Annotated[Path, typer.Option(help="your private key, as for `dormouse sign`")],
    version: Annotated[str, typer.Option(help="instead of the one that the hook gives it")] = "",
    board: Annotated[str, typer.Option(help="instead of the one that the hook gives it")] = "",
    tenant: Tenant = None,
    data_dir: DataDir = None,
) -> None:
    """Sign what a run's build made: the hub has no key, and gets none."""
    with _hub(data_dir, tenant) as hub:
        found = hub.get(f"/hooks/runs/{run}/image")
        with tempfile.TemporaryDirectory() as folder:
            image, signed = Path(folder) / "image.bin", Path(folder) / "image.ota"
            image.write_bytes(base64.b64decode(found["image"]))
            words = ["--version", version or found["version"], "--board", board or found["board"]]
            if not words[1]:
                words = []
            # The laptop's own command, by its name: the hub's side knows no keys.
            done = subprocess.run(
                [sys.executable, "-m", "host", "sign", image, "--key", key, "-o", signed, *words],
                check=False,
            )  # fmt: skip
            if done.returncode:
                raise typer.Exit(done.returncode)
            answer = hub.call("POST", f"/hooks/runs/{run}/signed", content=signed.read_bytes())
    typer.echo(f"run {run}: {answer['text']}")


@app.command()
def remove(hook: HookArgument, tenant: Tenant = None, data_dir: DataDir = None) -> None:
    """Remove a hook with its runs; one that is going on ends."""
    with _hub(data_dir, tenant) as hub:
        hub.delete(f"/hooks/{hook}")
    typer.echo(f"hook {hook} is removed")


def _line(file: typer.FileText | None) -> str:
    return file.read().strip() if file else ""


def _json(file: typer.FileText) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise HookRefusedError(f"{file.name}: no JSON ({error})") from None


def _firmware(build: str, made: dict[str, str], sign: dict[str, str]) -> list[dict[str, Any]]:
    """Build, sign and store; nothing where nothing is built."""
    if not build:
        return []
    return [{"kind": "build", "command": build, **made}, {"kind": "sign", **sign},
            {"kind": "store"}]  # fmt: skip


# What makes an environment of Dormouse's own repository; what it needs is pinned there, also what
# builds it.
_INSTALL = (
    "python3 -m venv hub-version && hub-version/bin/pip install -q --require-hashes "
    "-r requirements/run.txt && hub-version/bin/pip install -q --no-deps --no-build-isolation ."
)


def _hub_itself(install: str, file: str) -> list[dict[str, Any]]:
    """Another version beside this one, then in its place."""
    made = {"command": install, "file": file}
    if not install:
        made = {"command": _INSTALL, "file": "hub-version"}
    return [{"kind": "install", **made}, {"kind": "update"}]


def _rollout(whom: str, canary: int, reports: int) -> list[dict[str, Any]]:
    if not whom:
        return []
    named = [one.strip() for one in whom.split(",") if one.strip()]
    select: dict[str, Any] = {"place": whom}
    if whom == "all":
        select = {"all": True}
    # A device's name has no blanks, which tells `Barn, upstairs` from it.
    elif ("_" in whom or "," in whom) and not any(set(one) & set(" /") for one in named):
        select = {"devices": named}
    options = {"canary": canary, "reports": reports}
    return [{"kind": "rollout", "select": select, "options": options}]


def _where(run: dict[str, Any]) -> str:
    """The step that it is at or failed at, or why it ended."""
    for step in run["steps"]:
        if step["state"] in {"running", "waiting", "failed"}:
            return f"{step['kind']}: {step['text']}" if step["text"] else step["kind"]
    return run["reason"] or ""


def _print_run(run: dict[str, Any]) -> None:
    commit = f" {run['commit'][:12]}" if run["commit"] else ""
    reason = f": {run['reason']}" if run["reason"] else ""
    typer.echo(f"run {run['id']} of {run['hook']}, {run['branch']}{commit}: {run['state']}{reason}")
    for step in run["steps"]:
        text = f": {step['text']}" if step["text"] else ""
        typer.echo(f"{step['position']}. {step['kind']} {step['state']}{text}")
        for line in step["tail"].splitlines():
            typer.echo(f"   {line}")
