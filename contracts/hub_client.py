"""How commands talk to a running hub: by its API."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Self

import httpx

from contracts import resources
from contracts.errors import ContractError
from contracts.local_hub import NoHubError
from contracts.show import TERMINAL_CONTROLS

__all__ = [
    "ApiClient",
    "HubRefusedError",
    "HubSlowError",
    "HubVersionError",
    "private_transport",
    "recorded",
]

# Parts of a request, which a person at a terminal did not write.
_PART = re.compile(r"^(path|query|body)\.(options\.)?")


# How /api answers where no route is.
_UNKNOWN_PATH = "there is nothing at /api/"
# A device's name may have slashes: what follows is Service/Characteristic, or with a number.
_SERIES = re.compile(r"(.+?)/([A-Za-z0-9]{1,64}(?:/[0-9]{1,3})?/[A-Za-z0-9.]{1,64})", re.DOTALL)
_answers: ContextVar[list[Any] | None] = ContextVar("answers", default=None)


class HubRefusedError(ContractError):
    """The hub refused; `problem` is its problem document, empty where it sent none."""

    def __init__(self, message: str | None = None, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem = problem or {}


class HubVersionError(ContractError):
    """The hub is of another version than the command: it does not know what was asked."""

    exit_status = 8

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"the hub on {data_dir} does not know this command: it is of another version than "
            f"{resources.release()}; start it again after an upgrade, or use the `dormouse` it was "
            "started with"
        )


class HubSlowError(ContractError):
    """The hub did not answer in time."""

    exit_status = 7

    def __init__(self, data_dir: Path) -> None:
        super().__init__(
            f"the hub on {data_dir} runs, but did not answer in time: it may be busy; "
            "`dormouse hub doctor` and its log say more"
        )


@contextlib.contextmanager
def recorded() -> Iterator[list[Any]]:
    """The list of what hubs answer meanwhile, None where one had nothing to say."""
    answers: list[Any] = []
    token = _answers.set(answers)
    try:
        yield answers
    finally:
        _answers.reset(token)


def private_transport(path: Path) -> httpx.HTTPTransport:
    """HTTP on a hub's private socket."""
    # There is no TLS on it: without a context of ours httpx reads the authorities of the whole
    # internet first, which takes longer than the question.
    return httpx.HTTPTransport(uds=str(path), verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class ApiClient:
    """Calls to the API of the hub that runs on a data folder.

    No socket is opened here: `transport` reaches the hub's private one. `program` ("dormouse
    config") stands in the history of what it changes; `tenant` is meant instead of the hub's own,
    or of the device's own. Calls raise NoHubError when no hub is there, HubSlowError when it does
    not answer in time.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport,
        data_dir: Path,
        program: str = "dormouse",
        *,
        tenant: str | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._client = httpx.Client(
            transport=transport,
            base_url="http://hub/api",
            headers={"User-Agent": program},
            params={"tenant": tenant} if tenant else {},
            timeout=30,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def device(self, name: str, *, known: bool = True) -> str:
        """The id of the device that is meant by an id, a name, or `House / Cellar`.

        Raises HubRefusedError where several are called so, or none; with `known` False what no
        device is called counts as an id.
        """
        try:
            answer = self._asked("GET", "/which-device", params={"name": name})
        except HubVersionError:
            return name  # a hub from before this
        except HubRefusedError as refusal:
            if not known and refusal.problem.get("status") in {404, 422}:
                return name
            raise
        return str(answer["id"])

    def series(self, name: str) -> str:
        """`Cellar/TemperatureSensor/CurrentTemperature` with the device's id, or a device's id.

        See `device`.
        """
        found = _SERIES.fullmatch(name)
        if found is None:
            return self.device(name)
        return f"{self.device(found[1], known=False)}/{found[2]}"

    def call(self, method: str, path: str, **request: Any) -> Any:
        """The JSON the hub answers; None where it has nothing to say.

        `path` is one below /api. Texts have no character that a terminal takes for a command:
        devices and people wrote them. Raises NoHubError, or HubRefusedError with the hub's reason.
        """
        found = self._asked(method, path, **request)
        if (answers := _answers.get()) is not None:
            answers.append(found)
        return _printable(found)

    def _asked(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._client.request(method, path, **request)
        except httpx.ReadTimeout:
            raise HubSlowError(self._data_dir) from None
        except httpx.TransportError:
            raise NoHubError(self._data_dir) from None
        if answer.is_error:
            problem = _problem(answer)
            if str(problem.get("detail", "")).startswith(_UNKNOWN_PATH):
                raise HubVersionError(self._data_dir)
            raise HubRefusedError(_reason(answer), problem)
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        """GET, with query parameters."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Any = None) -> Any:
        """POST, with a JSON body."""
        return self.call("POST", path, json=body)

    def put(self, path: str, body: Any = None) -> Any:
        """PUT, with a JSON body."""
        return self.call("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH, with a JSON body."""
        return self.call("PATCH", path, json=body)

    def delete(self, path: str, **params: Any) -> Any:
        """DELETE, with query parameters."""
        return self.call("DELETE", path, params=params)


# Lines of what a program said stay lines.
_ESCAPES = {number: text for number, text in TERMINAL_CONTROLS.items() if chr(number) != "\n"}


def _printable(found: Any) -> Any:
    if isinstance(found, str):
        return found if found.isprintable() else found.translate(_ESCAPES)
    if isinstance(found, list):
        return [_printable(one) for one in found]
    if isinstance(found, dict):
        return {_printable(name): _printable(one) for name, one in found.items()}
    return found


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _reason(answer: httpx.Response) -> str:
    """The one line of a problem document."""
    reason = _problem(answer).get("detail")
    return (
        f"HTTP {answer.status_code}" if reason is None else _PART.sub("", _printable(str(reason)))
    )
