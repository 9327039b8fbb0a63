"""Pushes to a real git server: from the hook to updated devices, and where they are stopped."""

from __future__ import annotations

import asyncio
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from host import firmware
from tests.support.git_host import git_host
from tests.support.hub import until
from tests.support.updater import Updater

ROOT = Path(__file__).parents[2]
# The virtual board's image, as `dormouse firmware image` makes one of a board that can be bought.
BUILD = """
from pathlib import Path
from host.twin.firmware import compile_to
from host.twin.image import build_image
version = Path("VERSION").read_text().strip()
build = compile_to(Path("out"), version=version, board="twin", source=Path("firmware"))
(build.modules / "ballast.mpy").write_bytes(version.encode() * 2000)
Path("app.bin").write_bytes(build_image(build, version))
"""


@pytest.fixture
def host(short_tmp):
    with git_host(short_tmp / "git") as found:
        yield found


class Pushed:
    """A hub whose hook builds and rolls out what is pushed."""

    def __init__(self, updater: Updater, host, copy: Path) -> None:
        self.updater, self.host, self.copy = updater, host, copy

    async def hook(self, name: str, *more: str) -> None:
        # Ours may lie in somebody's home, where who builds has no business.
        packages = f"{ROOT}:{sysconfig.get_path('purelib')}"
        python = f"PYTHONPATH={packages} /usr/bin/python3"
        token = self.host.folder / "token"
        token.write_text("a-token-of-the-host")
        status, text = await self.updater.command(
            "hook", "add", name, f"{self.host.url}/o/r.git", "--source", "github",
            "--test", "sh ./check.sh", "--build", f"{python} build.py", "--file", "app.bin",
            "--version-file", "VERSION", "--board", "twin", "--reports", "1",
            "--status-token-file", token, "--status-url", f"{self.host.url}/api", *more,
        )  # fmt: skip
        assert status == 0, text
        secret = text.split("secret: ")[1].strip()
        url = f"http://127.0.0.1:{self.updater.hub.facts['http_port']}/hook/{name}"
        self.host.calls("o/r", url, secret)

    async def push(self, *more: str, **files: str) -> str:
        named = {name.replace("_sh", ".sh"): text for name, text in files.items()}
        return await asyncio.to_thread(self.host.push, self.copy, named, "main", *more)

    async def run(self, commit: str, *states: str) -> dict:
        """The run of a commit, once it is in one of the states."""

        async def reached():
            for run in await self.updater.ask("GET", "/hooks/runs"):
                if run["commit"] == commit and run["state"] in states:
                    return run
            return None

        try:
            return await until(reached, 240, 0.1)
        except TimeoutError:
            found = await self.updater.ask("GET", "/hooks/runs")
            for one in await self.updater.ask("GET", "/rollouts"):
                found.append(await self.updater.ask("GET", f"/rollouts/{one['id']}/history"))
            raise AssertionError(found) from None

    def told(self, commit: str) -> list[str]:
        return [body["state"] for path, _, body in self.host.posted if path.endswith(commit)]


async def test_from_a_push_to_updated_devices_and_where_it_is_stopped(
    hub, make_twin, updatable, host, tmp_path
):
    updater = Updater(hub, make_twin, updatable, tmp_path)
    canary, other = await updater.device(), await updater.device()
    copy = host.make("o/r")
    shutil.copytree(firmware.SOURCE, copy / "firmware")
    pushed = Pushed(updater, host, copy)
    whom = ("--rollout", f"{canary.id},{other.id}")
    await pushed.hook("firmware", *whom)
    rule = {"sentence": "hook failed", "tell": []}
    await updater.ask("POST", "/notifications/rules", json=rule)

    # All is well: tests, image, a person's signature, canary, everybody.
    (copy / "build.py").write_text(BUILD)
    good = await pushed.push(check_sh="grep -q . VERSION", VERSION="2.0.0\n")
    waiting = await pushed.run(good, "waiting", "failed")
    assert waiting["state"] == "waiting", str(waiting)
    status, text = await updater.command(
        "hook", "sign", str(waiting["id"]), "--key", str(updatable.pem)
    )
    assert (status, "version 2.0.0 for twin is signed" in text) == (0, True), text
    done = await pushed.run(good, "passed", "failed")
    assert done["state"] == "passed", str(done)
    assert done["steps"][-1]["text"] == "rollout 1: 2 devices updated"
    for twin in (canary, other):
        assert await updater.runs(twin, "2.0.0")

    async def source_is_told() -> bool:
        return pushed.told(good)[-1] == "success"

    await until(source_is_told)

    # A test fails: nothing is built, and it is said.
    bad = await pushed.push(check_sh="echo three is not four; exit 3")
    failed = await pushed.run(bad, "failed")
    assert failed["reason"] == "test: ended with status 3: three is not four"
    assert [step["state"] for step in failed["steps"]][2:] == ["pending"] * 4

    async def source_knows() -> bool:
        return pushed.told(bad)[-1] == "failure"

    await until(source_knows)

    async def inbox():
        return await updater.ask("GET", "/notifications", params={"open": "true"})

    [alert] = await until(inbox)
    assert "three is not four" in alert["text"]


async def test_a_canary_that_is_unhealthy_stops_what_was_pushed(
    hub, make_twin, updatable, host, tmp_path
):
    updater = Updater(hub, make_twin, updatable, tmp_path)
    canary, other = await updater.device(), await updater.device()
    copy = host.make("o/r")
    shutil.copytree(firmware.SOURCE, copy / "firmware")
    (copy / "build.py").write_text(BUILD)
    pushed = Pushed(updater, host, copy)
    whom = ("--rollout", f"{canary.id},{other.id}")
    # It is signed by a program, and its canary stays awake too long.
    signs = f"PYTHONPATH={ROOT} {sys.executable} -m host sign $IMAGE --key {updatable.pem}"
    sign = f"{signs} --version $VERSION --board $BOARD -o $OUTPUT"
    await pushed.hook("signed", *whom, "--signer", sign)
    wake = copy / "firmware" / "dormouse" / "wake.py"
    mark = "        joining = True\n"
    slower = wake.read_text().replace(mark, f"{mark}        time.sleep_ms(2500)\n")
    wake.write_text(slower)
    slow = await pushed.push(check_sh="true", VERSION="3.0.0\n")
    stopped = await pushed.run(slow, "failed", "passed")
    assert stopped["state"] == "failed", str(stopped)
    assert "rollout 1 halted" in stopped["reason"]
    assert "is awake for" in stopped["reason"]
    running = [await updater.runs(twin, "3.0.0") for twin in (canary, other)]
    assert running.count(True) == 1
    # Nothing of the runs is left on the disk, and nothing of them runs.
    assert not list((hub.data_dir / "hooks").iterdir())


async def test_a_run_outlives_its_hub_and_the_newest_push_wins(hub, host):
    copy = host.make("o/r")
    first = host.push(copy, {"a": "1\n"})
    # It hangs at its first attempt, whatever was pushed meanwhile.
    test = "test -e $HOME/begun || { touch $HOME/begun; echo hangs; sleep 3600; }; echo goes on"
    new = {
        "name": "r", "source": "github", "repository": f"{host.url}/o/r.git", "branch": "main",
        "chain": {"steps": [{"kind": "test", "command": test}]},
    }  # fmt: skip
    await hub.ask("POST", "/hooks", json=new)

    async def run(number):
        return await hub.ask("GET", f"/hooks/runs/{number}")

    numbers = [(await hub.ask("POST", "/hooks/r/runs"))["id"]]

    async def hangs():
        step = (await run(numbers[0]))["steps"][1]
        return step["state"] == "running" and list((hub.data_dir / "hooks").rglob("begun"))

    await until(hangs, 120)
    numbers += [(await hub.ask("POST", "/hooks/r/runs"))["id"] for _ in range(2)]
    skipped = await run(numbers[1])
    assert (skipped["state"], skipped["reason"]) == ("skipped", f"run {numbers[2]} is newer")
    assert (await run(numbers[0]))["state"] == "running"
    assert (await run(numbers[2]))["state"] == "queued"
    await hub.kill()
    await hub.start()

    async def over():
        found = await run(numbers[0])
        return found if found["state"] in {"passed", "failed"} else None

    again = await until(over, 120)
    assert again["state"] == "passed", str(again)
    assert (again["commit"], [step["attempts"] for step in again["steps"]]) == (first, [1, 2])

    async def hung_again():
        step = (await run(numbers[2]))["steps"][1]
        return step["state"] == "running"

    # The last one hangs in a folder of its own, until its hook goes.
    await until(hung_again, 120)
    await hub.ask("DELETE", "/hooks/r")

    async def gone():
        return not list((hub.data_dir / "hooks").iterdir())

    await until(gone, 120)
