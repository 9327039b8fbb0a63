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
.PHONY: firmware flash provision
firmware: setup ## the device's firmware as files and as ROMFS image: make firmware BOARD=nodemcu
	@$(DORMOUSE) firmware build $(if $(BOARD),--board "$(BOARD)") $(ARGS)
flash: setup ## bootloader and application onto a board: make flash IMAGE=firmware-ota.bin BOARD=nodemcu (PORT=/dev/ttyUSB0)
	@$(DORMOUSE) flash "$(IMAGE)" --key $(KEY) --partitions $(LAYOUT) $(if $(PORT),--port "$(PORT)") $(if $(BOARD),--board "$(BOARD)") $(ARGS)
provision: setup ## WiFi, hub, name and sensors of a device on a cable: make provision (PORT=/dev/ttyUSB0)
	@$(DORMOUSE) provision $(if $(PORT),--port "$(PORT)") $(ARGS)

# --- bootloader --------------------------------------------------------------------------------

# What the bootloader is built with: its key and settings, and the flash map.
CONFIG ?= keys/config.h
LAYOUT ?= partitions.csv
# Folder of Espressif's non-OS SDK; without it the OTA server is only compiled and measured.
SDK ?=
# Building needs a Python with esptool: the virtual environment's, or the system's own.
BOOTLOADER = $(MAKE) --no-print-directory -C bootloader LAYOUT=$(abspath $(LAYOUT)) \
  PYTHON=$(if $(wildcard $(BIN)/esptool),$(abspath $(PY)),$(PYTHON))
.PHONY: bootloader bootloader-native
bootloader: ## sector 0 and the OTA server, with your key in them: make bootloader SDK=folder
	@sh .ci/packages bootloader
	@test -x $(BIN)/esptool || command -v esptool >/dev/null || $(MAKE) --no-print-directory $(VENV)/.run
	@$(BOOTLOADER) all CONFIG=$(abspath $(CONFIG)) $(if $(SDK),SDK=$(abspath $(SDK)))
bootloader-native: ## the OTA server and the boot decision as programs for this machine
	@sh .ci/packages bootloader
	@$(BOOTLOADER) native

# How many inputs `make fuzz` tries.
RUNS ?= 10000000
.PHONY: soak
soak: setup-dev ## the slow tests: 200 devices while broker, hub and Postgres are killed; floods; 30 updated
	@ROLLOUT_DEVICES=30 ROLLOUT_SLEEP=60 $(PY) -m pytest -s --timeout 3600 tests/system/test_rollout_storm.py
	@STORM_DEVICES=200 STORM_KILLS=20 FLOOD=100000 $(PY) -m pytest -s --timeout 3600 tests/system/test_trust_storm.py tests/system/test_trust_flood.py
	@DORMOUSE_MESSAGES=100000 $(PY) -m pytest -s --timeout 3600 tests/hub/homekit/test_properties.py
	@FUZZ_EXAMPLES=50 $(PY) -m pytest -s --timeout 3600 tests/hub/api/test_schema.py
.PHONY: fuzz
fuzz: setup-dev ## the OTA server's core under libFuzzer with sanitizers: make fuzz RUNS=100000
	@$(BOOTLOADER) fuzz
	@mkdir -p build/corpus
	@build/bootloader/fuzz-server -runs=$(RUNS) -max_len=320 -print_final_stats=1 \
	  -dict=bootloader/fuzz/server.dict -artifact_prefix=build/ build/corpus tests/bootloader/corpus

.PHONY: db-recreate
db-recreate: setup ## drop the hub's database and make it anew with a fixture (ARGS=...)
	@$(DORMOUSE) hub db-recreate $(ARGS)

.PHONY: wheel
wheel: setup ## what is installed elsewhere: dist/dormouse_home-<version>-py3-none-any.whl
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	@ls dist/dormouse_home-*.whl

# --- check ------------------------------------------------------------------------------------

.PHONY: test lint format bench lock clean
test: setup-dev lint ## everything: lint, types, unit, device, store, HomeKit and system tests
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS) || { \
	  echo "once more, one at a time: what failed beside others"; \
	  $(PY) -m pytest --last-failed --last-failed-no-failures none $(ARGS); }
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
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: setup-dev ## pin and hash the requirements anew
	@$(COMPILE) --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	@$(COMPILE) --extra hub --extra twin -c requirements/dev.txt pyproject.toml requirements/build.in -o requirements/run.txt
	@$(COMPILE) requirements/typings.in -o requirements/typings.txt
clean: ## remove what was built (keys and the virtual environment stay)
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
