"""HAP-python's driver, made to keep its state with us and to answer strictly.

What it does otherwise than HAP-python: nothing is written to files or printed; a write that
cannot be done is answered with its HAP status instead of being clamped, done all the same or
logged as a crash. Connections are in hub.homekit.connection.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ed25519
from pyhap.accessory_driver import AccessoryDriver, AccessoryMDNSServiceInfo
from pyhap.characteristic import Characteristic as HapCharacteristic
from pyhap.const import HAP_SERVER_STATUS
from pyhap.loader import Loader
from pyhap.state import State

from contracts.homekit.definitions import CHARACTERISTICS, INFORMATION, Characteristic
from contracts.homekit.values import BadValue, parse
from contracts.reading import SeriesKey
from hub.homekit.accessory import ShownCharacteristic
from hub.homekit.connection import Address, Server
from hub.homekit.errors import BridgePortTakenError
from hub.homekit.pair_setup import PairSetup
from hub.homekit.srp import verifier
from hub.homekit.state import BridgeRecord, Pairing
from hub.runtime.connections import Connections

__all__ = ["Driver"]

log = logging.getLogger(__name__)

_LOADER = Loader()
_NUMBER = re.compile(r"[-+]?[0-9.]+", re.ASCII)


class Driver(AccessoryDriver):  # type: ignore[misc]  # pyhap is untyped
    """One bridge on the running loop, from `start` to `stop`.

    `changed` is called with the bridge's number and the members of its record that are new when
    pairings or the configuration number changed; whoever is told must keep them.
    """

    def __init__(
        self,
        record: BridgeRecord,
        *,
        host: str,
        port: int,
        addresses: Iterable[str],
        advertiser: Any,
        changed: Callable[[int, Mapping[str, Any]], None],
        limits: Connections | None = None,
    ) -> None:
        super().__init__(
            loop=asyncio.get_running_loop(),
            address=host,
            port=port or 1,  # 0 would mean HAP-python's default; see start
            advertised_address=list(addresses),
            mac=record.mac,
            pincode=record.pin.encode(),
            loader=_LOADER,
            async_zeroconf_instance=advertiser,
        )
        self._number = record.number
        self._changed = changed
        self._host, self._port = host, port
        # One bridge on its own serves every controller of a home several times over.
        self._limits = Connections("HomeKit", 256) if limits is None else limits
        self.http_server = Server((host, port), self, self._limits)
        self.pair_setup = PairSetup(record.failed_pairings, changed=self.persist)
        _restore(self.state, record)

    def add_accessory(self, accessory: Any) -> None:
        """The top accessory, the bridge; its state is already there."""
        self.accessory = accessory
        self._name = accessory.display_name

    def persist(self) -> None:
        """Hand the state on instead of writing a file."""
        failed = {"failed_pairings": self.pair_setup.failures}
        self._changed(self._number, {**_taken(self.state), **failed})

    def async_persist(self) -> None:
        """The same: handing it on takes no time."""
        self.persist()

    def setup_srp_verifier(self) -> None:
        """Begin a pairing; the connection that asked keeps it."""
        self.srp_verifier = verifier(self.state.pincode)

    def identify(self, _client: Address) -> None:
        """Somebody wants to know which bridge this is: it has no light, so its log says it."""
        log.info("homekit: %s is asked to identify itself", self._name)

    async def start(self) -> None:
        """Listen, then advertise. Raises BridgePortTakenError for the first bridge.

        A further bridge takes any free port where its own is taken: nobody chose that one, and
        controllers are told by multicast.
        """
        self._validate_start()
        self.aio_stop_event = asyncio.Event()
        try:
            await self.http_server.async_start(self.loop)
        except OSError as error:
            reason = error.strerror or str(error)
            if not self._number:
                raise BridgePortTakenError(self._host, self._port, reason) from None
            log.warning("homekit: port %d is taken (%s): taking another", self._port, reason)
            self.http_server = Server((self._host, 0), self, self._limits)
            await self.http_server.async_start(self.loop)
        self.state.port = self.http_server.port
        self._announce(self.state.addresses)
        self.refresh(advertise=False)
        self.mdns_service_info = AccessoryMDNSServiceInfo(self.accessory, self.state)
        await self.advertiser.async_register_service(
            self.mdns_service_info, cooperating_responders=True
        )

    def readdress(self, addresses: Iterable[str]) -> None:
        """This machine has these addresses now: announce those at which the bridge is reached."""
        self._announce(addresses)
        if self.mdns_service_info is not None:
            self.async_update_advertisement()

    def _announce(self, addresses: Iterable[str]) -> None:
        heard = self.http_server.hears
        self.state.addresses = [address for address in addresses if heard(address)]

    @property
    def started(self) -> bool:
        """Whether it listens."""
        return self.http_server.server is not None

    async def stop(self) -> None:
        """Say good-bye on the network and close every connection."""
        self.stop_event.set()
        self.aio_stop_event.set()
        if self.mdns_service_info is not None:
            await self.advertiser.async_unregister_service(self.mdns_service_info)
        if self.started:
            self.http_server.async_stop()

    def refresh(self, *, advertise: bool = True) -> bool:
        """Move the configuration number if the database really changed; True if it did."""
        if not self.state.set_accessories_hash(self.accessories_hash):
            return False
        self.persist()
        if advertise and self.mdns_service_info is not None:
            self.async_update_advertisement()
        return True

    def finish_pair(self) -> None:
        """After a pairing was added or removed: the advertisement says whether there is one."""
        self.update_advertisement()

    def forget(self, controller: str | None = None) -> int:
        """Unpair one controller or all, and close their connections; how many there were."""
        chosen = [c for c in self.state.paired_clients if controller in (None, str(c))]
        for client in chosen:
            # Removing the last administrator removes the others with it.
            if client in self.state.paired_clients:
                self.state.remove_paired_client(client)
        if chosen:
            self.persist()
            for connection in list(self.http_server.connections.values()):
                if connection.handler.client_uuid not in self.state.paired_clients:
                    connection.close()
            self.async_update_advertisement()
        return len(chosen)

    def drop_topics(self, aid: int, iids: Iterable[int] | None = None) -> None:
        """Forget who subscribed to an accessory that went (or to these parts of it)."""
        dropped = None if iids is None else {f"{aid}.{iid}" for iid in iids}
        for topic in list(self.topics):
            if topic in dropped if dropped is not None else topic.startswith(f"{aid}."):
                del self.topics[topic]

    # --- what a controller asks for -----------------------------------------------------------

    def _find(self, aid: int, iid: int) -> tuple[Any, Any]:
        accessory = self.accessory if aid == 1 else self.accessory.accessories.get(aid)
        characteristic = None if accessory is None else accessory.iid_manager.get_obj(iid)
        return accessory, characteristic if hasattr(characteristic, "to_valid_value") else None

    def get_characteristics(self, char_ids: Iterable[str]) -> dict[str, Any]:
        """Values and HAP statuses for "aid.iid"s."""
        answers = []
        for place in char_ids:
            aid, iid = (int(number) for number in place.split("."))
            accessory, characteristic = self._find(aid, iid)
            answer: dict[str, Any] = {"aid": aid, "iid": iid}
            if characteristic is None:
                answer["status"] = HAP_SERVER_STATUS.RESOURCE_DOES_NOT_EXIST
            elif "pr" not in characteristic.properties["Permissions"]:
                answer["status"] = HAP_SERVER_STATUS.WRITE_ONLY_CHARACTERISTIC
            elif not accessory.available:
                answer["status"] = HAP_SERVER_STATUS.SERVICE_COMMUNICATION_FAILURE
            else:
                answer |= {"value": characteristic.get_value(), "status": HAP_SERVER_STATUS.SUCCESS}
            answers.append(answer)
        return {"characteristics": answers}

    def set_characteristics(
        self, chars_query: Mapping[str, Any], client_addr: Address
    ) -> dict[str, Any] | None:
        """Write and subscribe; None when everything succeeded."""
        expired = self._expired(chars_query, client_addr)
        answers, refused = [], False
        for query in chars_query["characteristics"]:
            status = self._set_one(query, client_addr, expired=expired)
            answers.append({"aid": query["aid"], "iid": query["iid"], "status": status})
            refused = refused or status != HAP_SERVER_STATUS.SUCCESS
        return {"characteristics": answers} if refused else None

    def _expired(self, query: Mapping[str, Any], client: Address) -> bool:
        """Whether a timed write came too late, or was never prepared."""
        if "pid" not in query:
            return False
        until = self.prepared_writes.get(client, {}).pop(query["pid"], None)
        return until is None or time.time() > until

    def _set_one(self, query: Mapping[str, Any], client: Address, *, expired: bool) -> int:
        accessory, characteristic = self._find(query["aid"], query["iid"])
        if characteristic is None:
            return int(HAP_SERVER_STATUS.RESOURCE_DOES_NOT_EXIST)
        permissions = characteristic.properties["Permissions"]
        if "ev" in query:
            if "ev" not in permissions:
                return int(HAP_SERVER_STATUS.NOTIFICATION_NOT_SUPPORTED)
            topic = f"{query['aid']}.{query['iid']}"
            self.async_subscribe_client_topic(client, topic, query["ev"])
        if "value" not in query:
            return int(HAP_SERVER_STATUS.SUCCESS)
        if "pw" not in permissions:
            return int(HAP_SERVER_STATUS.READ_ONLY_CHARACTERISTIC)
        if expired:
            return int(HAP_SERVER_STATUS.INVALID_VALUE_IN_REQUEST)
        return self._write(accessory, characteristic, query["value"], client)

    def _write(
        self, accessory: Any, characteristic: HapCharacteristic, raw: Any, client: Address
    ) -> int:
        device = isinstance(characteristic, ShownCharacteristic)
        # Of the bridge's own nothing but Identify can be written.
        key = characteristic.key if device else SeriesKey("", INFORMATION, 0, "Identify")
        try:
            kind = characteristic.kind if device else CHARACTERISTICS[key.characteristic]
            value = parse(key.service, key.characteristic, _exact(kind, raw), kind)
        except BadValue:
            return int(HAP_SERVER_STATUS.INVALID_VALUE_IN_REQUEST)
        if device:
            status: int = accessory.write(key, value, client)
            return status
        self.identify(client)
        return int(HAP_SERVER_STATUS.SUCCESS)


def _exact(kind: Characteristic, raw: Any) -> Any:
    """What a controller wrote. Raises BadValue for what only a device may say: words, fractions."""
    number = kind.format == "bool" or kind.integral or kind.format == "float"
    word = isinstance(raw, str) and number and not _NUMBER.fullmatch(raw)
    if word or (kind.integral and isinstance(raw, float) and not raw.is_integer()):
        raise BadValue("format", f"{kind.name}: not {kind.format}")
    return raw


def _restore(state: State, record: BridgeRecord) -> None:
    state.setup_id = record.setup_id
    state.config_version = record.config_version
    state.accessories_hash = record.accessories_hash
    state.private_key = ed25519.Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex(record.private_key)
    )
    state.public_key = state.private_key.public_key()
    for pairing in record.pairings:
        client = UUID(pairing.controller)
        state.paired_clients[client] = bytes.fromhex(pairing.public_key)
        state.client_properties[client] = {"permissions": int(pairing.admin)}
        state.uuid_to_bytes[client] = bytes.fromhex(pairing.identifier)


def _taken(state: State) -> Mapping[str, Any]:
    pairings = tuple(
        Pairing(
            controller=str(client),
            public_key=key.hex(),
            admin=state.is_admin(client),
            identifier=state.uuid_to_bytes.get(client, str(client).encode()).hex(),
        )
        for client, key in state.paired_clients.items()
    )
    return {
        "config_version": state.config_version,
        "accessories_hash": state.accessories_hash,
        "pairings": pairings,
    }
