"""The container image: built here, run by Debian's Docker daemon, with a twin's reading in it.

The image of this machine's architecture by default. IMAGES=all builds the one for arm64 too (and
runs it under qemu-user), both twice, to compare their bytes, and that of the first release's tree,
to upgrade from it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from hub.database.postgres import Postgres
from tests.support.broker import open_folder
from tests.support.ports import claimed_port
from tests.support.postgres import FAST

ROOT = Path(__file__).resolve().parents[2]
ALL = os.environ.get("IMAGES") == "all"
NAME, VERSION = "localhost/dormouse-test", (ROOT / "VERSION").read_text().strip()
# Of all files in the image: what a Raspberry Pi's card has room for, and a bad line brings.
MOST = {"amd64": 250_000_000, "arm64": 250_000_000}
# The tree that tests/releases has a data folder of: its image is upgraded from.
FIRST = "185c88e"
PACKAGES = ROOT / "build/images"
WITHIN_S = 240 if ALL else 120


def run(*command: object, **options) -> str:
    """What a program prints that must succeed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def until(condition: Callable[[], bool], say: Callable[[], str] = str) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, say()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def work() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def images(work) -> dict[str, Path]:
    """The archive of each architecture's image."""
    arches = ("amd64", "arm64") if ALL else ("amd64",)
    with built(ROOT, NAME, arches, work) as archives:
        yield archives


def debian(folder: Path) -> Path:
    """A work folder with the packages of the fixture's: the mirror's may be others meanwhile."""
    (folder / "work").mkdir()
    for tar in PACKAGES.glob("debian-*.tar"):
        shutil.copyfile(tar, folder / "work" / tar.name)
    return folder / "work"


@contextmanager
def built(tree: Path, name: str, arches: Sequence[str], folder: Path, *options: object):
    """The images of a tree's wheel, by this version's recipe."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, tree)
    (wheel,) = folder.glob("*.whl")
    build = (sys.executable, ROOT / "deploy/images/build.py", wheel, "--name", name)
    run(*build, "--arch", ",".join(arches), "--dist", folder / "dist", *options)
    version = wheel.name.split("-")[1]
    try:
        yield {arch: folder / "dist" / f"dormouse-{version}-{arch}.tar" for arch in arches}
    finally:
        # A list first: it holds its members.
        made = [["rmi", "--force", f"{name}:{version}-{arch}"] for arch in arches]
        for what in (["manifest", "rm", f"{name}:{version}"], *made):
            subprocess.run(["buildah", *what], capture_output=True, check=False)


@pytest.fixture(scope="module")
def docker(work) -> Iterator[Callable[..., str]]:
    """`docker(...)`: a command to a daemon of our own, without networks of its own."""
    place = work / "docker"
    socket = place / "docker.sock"
    place.mkdir()
    log = (place / "log").open("wb")
    daemon = subprocess.Popen(
        ["dockerd", "--iptables=false", "--bridge=none", "--data-root", place / "data",
         "--exec-root", place / "exec", "--pidfile", place / "pid", "-H", f"unix://{socket}"],
        stdout=log, stderr=log,
    )  # fmt: skip
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}"}

    def command(*arguments: object) -> str:
        return run("docker", *arguments, env=environment)

    command.address = environment["DOCKER_HOST"]
    try:
        until(socket.exists, (place / "log").read_text)
        yield command
    finally:
        daemon.terminate()
        daemon.wait(60)
        log.close()
        # The daemon leaves the host's network mounted there.
        left = place / "exec/netns/default"
        subprocess.run(["umount", left], capture_output=True, check=False)


def logged(docker, name: str) -> str:
    """All that a container has said; `docker logs` itself tells warnings apart, as stderr."""
    environment = {**os.environ, "DOCKER_HOST": docker.address}
    return subprocess.run(
        ["docker", "logs", name], env=environment, check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ).stdout  # fmt: skip


def is_healthy(docker, name: str) -> bool:
    try:
        return '"ok"' in docker("exec", name, "/usr/bin/dormouse-healthy")
    except AssertionError:
        assert docker("inspect", "-f", "{{.State.Running}}", name) == "true", docker("logs", name)
        return False


@contextmanager
def container(docker, image: str, volume: str, *options: str) -> Iterator[str]:
    """A hub in a container, healthy; removed at the end, its volume stays."""
    ports = [f"-eDORMOUSE_{n}_PORT=0" for n in ("HTTP", "MQTT", "MQTTS", "ENROL", "HAP")]
    name = docker(
        "run", "-d", "--network=host", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL",
        "--security-opt=no-new-privileges", f"--volume={volume}:/data",
        "-eDORMOUSE_HOST=127.0.0.1", *ports, *options, image,
    )  # fmt: skip

    try:
        until(lambda: is_healthy(docker, name), lambda: docker("logs", name))
        yield name
    finally:
        docker("rm", "--force", name)


@contextmanager
def composed(
    docker, work: Path, file: str, image: str, volume: str, values: dict[str, str]
) -> Iterator[str]:
    """A hub by one of deploy's compose files, healthy; but for its ports, which are free ones."""
    ports = {f"DORMOUSE_{n}_PORT": "0" for n in ("MQTT", "MQTTS", "ENROL", "HAP")}
    override = work / f"{volume}.json"  # compose reads YAML, which has JSON in it
    docker("volume", "create", volume)
    override.write_text(
        json.dumps(
            {
                "services": {"hub": {"environment": {"DORMOUSE_HOST": "127.0.0.1", **ports}}},
                "volumes": {"data": {"external": True, "name": volume}},
            }
        )
    )
    files = ("-f", str(ROOT / "deploy/images" / file), "-f", str(override))
    compose = ("docker-compose", "--project-name", volume, *files)
    environment = {
        **os.environ,
        "DOCKER_HOST": docker.address,
        "DORMOUSE_IMAGE": image,
        "DORMOUSE_HTTP_PORT": "0",
        **values,
    }
    run(*compose, "config", "--quiet", env=environment)
    run(*compose, "up", "-d", env=environment)
    try:
        name = run(*compose, "ps", "--quiet", env=environment)
        until(lambda: is_healthy(docker, name), lambda: docker("logs", name))
        yield name
    finally:
        run(*compose, "down", env=environment)


def facts(docker, name: str) -> dict:
    return json.loads(docker("exec", name, "cat", "/data/hub.json"))


def readings(docker, name: str) -> list[dict]:
    devices = json.loads(docker("exec", name, "dormouse", "status", "--json"))["devices"]
    return [value for device in devices for value in device["values"]]


def takes_readings(docker, name: str, folder: Path) -> None:
    """A virtual device on this machine joins the hub in a container, and its values are there."""
    ports = facts(docker, name)
    twin = subprocess.Popen(
        [sys.executable, "-m", "host", "twin", "--hub", "127.0.0.1", "--count", "1",
         "--port", str(ports["mqtt_port"]), "--enrol-port", str(ports["enrol_port"]),
         "--kind", "bme280", "--folder", folder],
        cwd=ROOT, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: len(readings(docker, name)) >= 3, lambda: docker("logs", name))
    finally:
        twin.terminate()
        twin.wait(30)


def stops(docker, name: str) -> None:
    """In order, and says how long that took."""
    began = time.monotonic()
    docker("stop", "--time=30", name)
    size = int(docker("inspect", "-f", "{{.Size}}", docker("inspect", "-f", "{{.Image}}", name)))
    print(f"{size / 1e6:.0f} MB, stopped within {time.monotonic() - began:.1f} s")
    assert docker("inspect", "-f", "{{.State.ExitCode}}", name) == "0"


def test_a_hub_in_a_container(docker, images, work):
    docker("load", "-q", "-i", images["amd64"])
    image = f"{NAME}:{VERSION}-amd64"
    assert int(docker("inspect", "-f", "{{.Size}}", image)) < MOST["amd64"]
    config = json.loads(docker("inspect", image))[0]["Config"]
    assert config["User"] == "10001:10001"
    assert list(config["Volumes"]) == ["/data"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/usr/bin/dormouse-healthy"]
    with container(docker, image, "hub") as name:
        takes_readings(docker, name, work / "twins")
        pairing = facts(docker, name)["pairing_code"]
        stops(docker, name)
    # Another container on its volume, as after an upgrade: by docker compose, as it is described.
    with composed(docker, work, "compose.yaml", image, "hub", {}) as name:
        assert len(readings(docker, name)) >= 3
        assert facts(docker, name)["pairing_code"] == pairing


def test_on_servers_of_ones_own_by_compose(docker, images, work):
    """compose.external.yaml: another Postgres, another broker."""
    docker("load", "-q", "-i", images["amd64"])
    broker = claimed_port()
    # Its port names its socket: an address of its own instead.
    address = f"127.{broker >> 8}.{broker & 255}.1"
    config, passwords = work / "mosquitto.conf", work / "passwords"
    config.write_text(f"listener {broker} 127.0.0.1\npassword_file {passwords}\n")
    passwords.touch(mode=0o600)
    run("mosquitto_passwd", "-b", passwords, "hub", "secret")
    passwords.chmod(0o644)  # mosquitto gives root up

    async def on_postgres() -> None:
        tuning = {**FAST, "listen_addresses": address}
        async with Postgres(work / "postgres", tuning=tuning) as postgres:
            parts = conninfo_to_dict(postgres.admin_url)
            login = f"{parts['user']}:{parts['password']}"
            await asyncio.to_thread(use, f"postgresql://{login}@{address}:5432/dormouse")

    def use(url: str) -> None:
        mqtt_url = f"mqtt://hub:secret@127.0.0.1:{broker}"
        values = {"DORMOUSE_DATABASE_URL": url, "DORMOUSE_MQTT_URL": mqtt_url}
        image = f"{NAME}:{VERSION}-amd64"
        with composed(docker, work, "compose.external.yaml", image, "own", values) as name:
            assert "postgres" not in docker("exec", name, "ls", "/data").split()

    with subprocess.Popen(["/usr/sbin/mosquitto", "-c", config], stderr=subprocess.DEVNULL) as ours:
        try:
            asyncio.run(on_postgres())
        finally:
            ours.terminate()


@pytest.mark.skipif(not ALL, reason="IMAGES=all")
def test_upgraded_from_the_image_of_an_older_version(docker, images, work):
    """The first release's tree as an image, a reading in it; then today's on its volume."""
    older = work / "older"
    older.mkdir()
    run("git", "worktree", "add", "--detach", older / "tree", FIRST, cwd=ROOT)
    name = f"{NAME}-older"
    try:
        # In a folder of its own: what the fixture built is compared with a second build.
        with built(older / "tree", name, ("amd64",), older, "--work", debian(older)) as archives:
            docker("load", "-q", "-i", archives["amd64"])
    finally:
        run("git", "worktree", "remove", "--force", older / "tree", cwd=ROOT)
    (image,) = docker("images", "--format={{.Repository}}:{{.Tag}}", name).splitlines()
    with container(docker, image, "aged") as running:
        before = facts(docker, running)
        takes_readings(docker, running, work / "aged-twins")
        docker("stop", "--time=30", running)
    docker("load", "-q", "-i", images["amd64"])
    with container(docker, f"{NAME}:{VERSION}-amd64", "aged") as running:
        assert len(readings(docker, running)) >= 3
        assert facts(docker, running)["pairing_code"] == before["pairing_code"]
        said = logged(docker, running)
        assert "a backup of the database is made before its upgrade: /data/upgrade-backups/" in said
        assert docker("exec", running, "dormouse", "devices", "list").count("esp8266_") == 1


@pytest.mark.skipif(not ALL, reason="IMAGES=all")
def test_two_builds_are_the_same_byte_for_byte(images, work):
    again = work / "again"
    again.mkdir()
    with built(ROOT, f"{NAME}-again", list(images), again, "--work", debian(again)):
        for arch in images:
            first, second = (
                hashlib.sha256((folder / f"context-{arch}" / "root.tar").read_bytes()).hexdigest()
                for folder in (PACKAGES, again / "work")
            )
            assert first == second
            layers = [
                json.loads(run("skopeo", "inspect", "--raw", f"docker-archive:{archive}"))["layers"]
                for archive in (images[arch], again / f"dist/dormouse-{VERSION}-{arch}.tar")
            ]
            assert layers[0] == layers[1]


@pytest.mark.skipif(not ALL, reason="IMAGES=all")
def test_the_other_architecture_under_emulation(docker, images, work):
    docker("load", "-q", "-i", images["arm64"])
    image = f"{NAME}:{VERSION}-arm64"
    assert int(docker("inspect", "-f", "{{.Size}}", image)) < MOST["arm64"]
    with container(docker, image, "other", "--platform=linux/arm64") as name:
        assert docker("exec", name, "uname", "-m") == "aarch64"
        takes_readings(docker, name, work / "other-twins")
        stops(docker, name)
