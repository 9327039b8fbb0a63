# Every action a user takes. `make help` explains them.
# A virtual environment elsewhere: make VENV=/path ...
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PY := $(BIN)/python
DORMOUSE := $(BIN)/dormouse
# What goes to one bench, all of them without it: make bench ONLY=wake
ONLY ?=
# Arguments handed on as they are: make twin ARGS="--count 5"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help
help: ## explain every target
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- set-up: each step is skipped when it is done already -------------------------------------

$(PY):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(PY)
	@echo "installing what the hub, the host tools and virtual devices need into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(PY)
	@echo "installing what tests and lint need into $(VENV)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

typings/.done: requirements/typings.txt | $(PY)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade -t typings -r requirements/typings.txt
	@touch $@

.PHONY: setup setup-dev
setup: $(VENV)/.run ## install what a run needs (a virtual environment, mosquitto)
	@sh .ci/packages mosquitto
setup-dev: $(VENV)/.dev typings/.done ## install what tests need as well
	@sh .ci/packages mosquitto bootloader tests

# --- run ------------------------------------------------------------------------------------

.PHONY: demo hub twin
demo: setup ## the whole system on this machine, with three virtual sensors
	@$(DORMOUSE) demo $(ARGS)
hub: setup ## the hub: broker, Postgres, HomeKit
	@$(DORMOUSE) hub $(ARGS)
twin: setup ## virtual devices against any hub: make twin ARGS="--count 20 --interval 5"
	@$(DORMOUSE) twin $(ARGS)

# --- keys and updates ---------------------------------------------------------------------------

# KEY=keys/other.pem for another key; IMAGE is an OTA build or a canned .ota, and with DEVICE also a
# version in the hub's store.
KEY ?= keys/ota.pem
ADDRESS ?=
DEVICE ?=
IMAGE ?=
.PHONY: keys sign ota
keys: setup ## make the key that signs updates, and the bootloader's settings with it
	@test -e $(KEY) && echo "$(KEY): there is a key already, it stays" || $(DORMOUSE) keys new --key $(KEY) $(ARGS)
	@test -e $(CONFIG) || $(DORMOUSE) keys config --key $(KEY) --partitions $(LAYOUT) --output $(CONFIG)
sign: setup ## sign an image: make sign IMAGE=firmware-ota.bin ARGS="--version 1.2.3 --board nodemcu"
	@$(DORMOUSE) sign "$(IMAGE)" --key $(KEY) --partitions $(LAYOUT) $(ARGS)
ota: setup ## update a device: make ota IMAGE=firmware-ota.bin DEVICE=esp8266_1a2b3c4d, or ADDRESS=192.168.1.7 in OTA mode
	@$(DORMOUSE) ota $(if $(DEVICE),device "$(DEVICE)",send $(ADDRESS)) "$(IMAGE)" --key $(KEY) --partitions $(LAYOUT) $(ARGS)

# --- boards on a cable ----------------------------------------------------------------------

PORT ?=
BOARD ?=
# Folder of MicroPython's sources, with its submodules; its own toolchain must be on the PATH.
MICROPYTHON ?=
.PHONY: firmware image rehearse flash provision
firmware: setup ## the device's firmware as files and as ROMFS image: make firmware BOARD=nodemcu
	@$(DORMOUSE) firmware build $(if $(BOARD),--board "$(BOARD)") $(ARGS)
image: setup ## the firmware frozen into MicroPython, to flash and to update: make image MICROPYTHON=folder BOARD=d1-mini
	@test -n "$(MICROPYTHON)" -a -n "$(BOARD)" || { echo "make image MICROPYTHON=<folder of its sources> BOARD=<see dormouse boards>" >&2; exit 2; }
	@$(DORMOUSE) firmware image "$(MICROPYTHON)" --board "$(BOARD)" --key $(KEY) --partitions $(LAYOUT) $(ARGS)
rehearse: setup ## what make image built, run on an emulated chip from an empty flash to an update: make rehearse BUILD=folder
	@test -n "$(BUILD)$(MICROPYTHON)" || { echo "make rehearse BUILD=<MicroPython's build-DORMOUSE> or MICROPYTHON=<folder of its sources>" >&2; exit 2; }
	@sh .ci/packages mosquitto bootloader emulator
	@$(DORMOUSE) rehearse "$(or $(BUILD),$(MICROPYTHON))" $(ARGS)
flash: setup ## bootloader and application onto a board: make flash IMAGE=firmware-ota.bin BOARD=nodemcu (PORT=/dev/ttyUSB0)
	@$(DORMOUSE) flash "$(IMAGE)" --key $(KEY) --partitions $(LAYOUT) $(if $(PORT),--port "$(PORT)") $(if $(BOARD),--board "$(BOARD)") $(ARGS)
provision: setup ## WiFi, hub, name and sensors of a device on a cable: make provision (PORT=/dev/ttyUSB0)
	@$(DORMOUSE) provision $(if $(PORT),--port "$(PORT)") $(ARGS)

# --- bootloader --------------------------------------------------------------------------------

# What the bootloader is built with: its key and settings, and the flash map.
CONFIG ?= keys/config.h
LAYOUT ?= partitions.csv
# Folder of Espressif's non-OS SDK, or the sysroot of an esp-open-sdk; without it the OTA server is only compiled and measured.
SDK ?=
# Building needs a Python with esptool: the virtual environment's, or the system's own.
BOOTLOADER = $(MAKE) --no-print-directory -C bootloader LAYOUT=$(abspath $(LAYOUT)) \
  PYTHON=$(if $(shell test -x $(BIN)/esptool && echo yes),$(abspath $(PY)),$(PYTHON))
.PHONY: bootloader bootloader-native
# What is linked with an SDK is checked by a tool of the virtual environment's.
bootloader: $(if $(SDK),$(VENV)/.run) ## sector 0 and the OTA server, with your key in them: make bootloader SDK=folder
	@sh .ci/packages bootloader
	@test -x $(BIN)/esptool || command -v esptool >/dev/null || $(MAKE) --no-print-directory $(VENV)/.run
	@$(BOOTLOADER) all CONFIG=$(abspath $(CONFIG)) $(if $(SDK),SDK=$(abspath $(SDK)))
bootloader-native: ## the OTA server and the boot decision as programs for this machine
	@sh .ci/packages bootloader
	@$(BOOTLOADER) native

# How many inputs `make fuzz` tries.
RUNS ?= 10000000
.PHONY: soak
soak: setup-dev ## the slow tests: 200 devices while broker, hub and Postgres are killed; floods; silent strangers; backups killed at 50 points; images of both machines, twice and upgraded; 2,000 devices after a power cut; 30 updated; three workers and brokers killed under their devices; an hour of networks that come and go; 100 addresses of a home behind a tunnel, three days without a line; nights of faults that are told; primaries that die
	@ROLLOUT_DEVICES=30 ROLLOUT_SLEEP=60 $(PY) -m pytest -s --timeout 3600 tests/system/test_rollout_storm.py
	@STORM_DEVICES=200 STORM_KILLS=20 FLOOD=100000 $(PY) -m pytest -s --timeout 3600 tests/system/test_trust_storm.py tests/system/test_trust_flood.py
	@SILENT=1200 NOFILE=1024 $(PY) -m pytest -s --timeout 3600 tests/system/test_silent_strangers.py
	@POWER_CUT_DEVICES=2000 $(PY) -m pytest -s --timeout 3600 tests/system/test_power_cut.py
	@POWER_CUT_DEVICES=10000 POWER_CUT_SECONDS=60 $(PY) -m pytest -s --timeout 3600 tests/system/test_power_cut.py
	@$(MAKE) -s siege
	@SCALE_KILLS=30 $(PY) -m pytest -s --timeout 3600 tests/deploy/test_worker_storm.py
	@sh .ci/emulation
	@IMAGES=all $(PY) -m pytest -s --timeout 7200 tests/deploy/test_images.py
	@KILLS=17 $(PY) -m pytest -s --timeout 7200 tests/deploy/test_killed_upgrade.py
	@KILLS=3 UPGRADE_READINGS=1000000 $(PY) -m pytest -s --timeout 7200 tests/deploy/test_killed_upgrade.py
	@FAILOVERS=5 $(PY) -m pytest -s --timeout 3600 tests/deploy/test_failover.py tests/deploy/test_patroni.py
	@NODE_KILLS=5 $(PY) -m pytest -s --timeout 3600 tests/deploy/test_nats.py
	@ROAM_MINUTES=60 $(PY) -m pytest -s --timeout 7200 tests/deploy/test_network.py
	@MOVES=100 REFRESH_EVERY=15 $(PY) -m pytest -s --timeout 7200 tests/deploy/test_site.py
	@SENSORS=20 SAY_EVERY=300 $(PY) -m pytest -s --timeout 3600 tests/deploy/test_forwarder.py -k program
	@SENSORS=20 SAY_EVERY=600 $(PY) -m pytest -s --timeout 3600 tests/deploy/test_forwarder.py -k mosquitto # what a bridge can hold: docs/sites.md
	@DORMOUSE_MESSAGES=100000 $(PY) -m pytest -s --timeout 3600 tests/hub/homekit/test_properties.py
	@NIGHT_HOURS=40 $(PY) -m pytest -s --timeout 3600 tests/hub/notifications/test_nights.py
	@LEAK_TRANSACTIONS=10000 $(PY) -m pytest -s tests/hub/database/test_interleaved.py
	@BACKUP_KILLS=50 $(PY) -m pytest -s --timeout 3600 tests/hub/backups/test_killed.py
	@BAD_LINKS=100 $(PY) -m pytest -s --timeout 3600 tests/host/ota/test_client.py -k bad_links
	@FUZZ_EXAMPLES=50 $(PY) -m pytest -s --timeout 3600 tests/hub/api/test_schema.py

.PHONY: siege
siege: setup-dev ## two hours of all attacks at once beside 500 honest devices of three tenants: make siege SIEGE_MINUTES=20
	@SIEGE_MINUTES=$${SIEGE_MINUTES:-120} $(PY) -m pytest -s --timeout 36000 tests/system/test_siege.py
.PHONY: fuzz
fuzz: setup-dev ## random tests by other seeds, the OTA server's core under libFuzzer: make fuzz RUNS=100000
	@$(BOOTLOADER) fuzz
	@mkdir -p build/corpus
	@build/bootloader/fuzz-server -runs=$(RUNS) -max_len=320 -print_final_stats=1 \
	  -dict=bootloader/fuzz/server.dict -artifact_prefix=build/ build/corpus tests/bootloader/corpus
	@SEED=random $(PY) -m pytest -n 2 --dist loadfile $$(grep -rlE "seeds\.seed\(|^from hypothesis" tests --include="test_*.py")

.PHONY: db-recreate
db-recreate: setup ## drop the hub's database and make it anew with a fixture (ARGS=...)
	@$(DORMOUSE) hub db-recreate $(ARGS)

.PHONY: keep-release
keep-release: setup-dev ## keep a data folder of this release for the tests of later ones (tests/releases)
	@$(PY) -m tests.releases.keep $(ARGS)

.PHONY: manual
manual: setup ## the manual page, completion for shells, docs/commands.md: from the commands as they are
	@$(PY) -m host.manual

.PHONY: wheel
wheel: setup manual ## what is installed elsewhere: dist/dormouse_home-<version>-py3-none-any.whl
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	@ls dist/dormouse_home-*.whl

# For which architectures; nothing of another one is run to build its image.
ARCH ?= amd64,arm64
.PHONY: images
images: wheel ## the hub's container images: localhost/dormouse:<version> (buildah), dist/dormouse-<version>-<arch>.tar (docker load)
	@sh .ci/packages images
	@$(PY) deploy/images/build.py dist/dormouse_home-$$(cat VERSION)-py3-none-any.whl --arch $(ARCH) $(ARGS)

# make release REGISTRY=host:5000/dormouse pushes images there; RELEASE_KEY=FILE signs with an SSH key; ARGS="--no-tests --no-tag" for a trial.
REGISTRY ?=
RELEASE_KEY ?=
.PHONY: bump-major bump-minor bump-patch bump-changed check-merge
bump-major bump-minor bump-patch: setup-dev ## raise VERSION and the changelog's heading by that part
	@PATH="$(abspath $(BIN)):$$PATH" $(PY) .ci/version.py bump $(@:bump-%=%)
bump-changed: setup-dev ## raise the patch if what goes into wheel or images changed since the last release
	@PATH="$(abspath $(BIN)):$$PATH" $(PY) .ci/version.py bump changed
check-merge: ## test this branch as it would be after merging into main; conflicts are named
	@$(PYTHON) .ci/check_merge.py $(ARGS)

.PHONY: sbom release
sbom: setup-dev ## what a release is made of: dist/sbom.cdx.json (CycloneDX), dist/licences.txt
	@$(PY) .ci/sbom.py dist
release: setup-dev ## tests, then dist/release/VERSION: wheel, images, firmware, SBOM, checksums, signature; then the tag
	@PATH="$(abspath $(BIN)):$$PATH" $(PY) .ci/release.py $(if $(REGISTRY),--registry "$(REGISTRY)") $(if $(RELEASE_KEY),--key "$(RELEASE_KEY)") $(ARGS)

# --- check ------------------------------------------------------------------------------------

# What no signal ends (a loop in C) is ended with its process, which says where it was, and once more.
HUNG = -o faulthandler_timeout=900 -o faulthandler_exit_on_timeout=true --max-worker-restart 1
.PHONY: test test-deploy lint format bench lock clean
test: setup-dev lint ## everything: lint, types, unit, device, store, HomeKit and system tests
	@$(PY) -m pytest -n 5 --dist loadfile --no-loadscope-reorder $(HUNG) --ignore=tests/deploy $(ARGS)
test-deploy: setup-dev ## what needs another installation or networks of its own: the wheel, the hub in namespaces
	@$(PY) -m pytest -n 2 --dist loadfile $(HUNG) tests/deploy $(ARGS)
lint: setup-dev ## style and types, of the firmware against the ESP8266 stubs too
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/lint-imports --no-cache --no-logo >/dev/null || $(BIN)/lint-imports --no-cache --no-logo
	@$(BIN)/mypy
	@$(BIN)/mypy --config-file firmware/mypy.ini
	@$(PY) -m tests.lint.micropython firmware
format: setup-dev ## let ruff format and mend what it can
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .
bench: setup-dev ## measure: one JSON object a line; a part with ONLY=area
	@$(PY) -m tests.bench $(ONLY)
pictures: setup-dev ## every page beside its mock-up, in build/pictures/beside: MOCKUPS=folder
	@MOCKUPS=$(MOCKUPS) $(PY) -m pytest -q -n 0 tests/hub/web/beside.py
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: setup-dev ## pin and hash the requirements anew
	@$(COMPILE) --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	@$(COMPILE) --extra export --extra flash --extra hub --extra twin -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/run.txt
	@$(COMPILE) requirements/typings.in -o requirements/typings.txt
	@$(COMPILE) requirements/readers.in -o requirements/readers.txt
	@$(COMPILE) requirements/servers.in -o requirements/servers.txt
clean: ## remove what was built (keys and the virtual environment stay)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
