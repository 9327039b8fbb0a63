# A board of MicroPython's ESP8266 port: the application that the bootloader starts at 0x3c000.
# LAYOUT is 1m, 2m or 4m, as in partitions/; 1m runs on every part. The tree that `dormouse firmware`
# makes says which in layout.mk, since the map stands in its modules too.
-include $(BOARD_DIR)/layout.mk
LAYOUT ?= 1m
LD_FILES = $(BOARD_DIR)/app_$(LAYOUT).ld

MICROPY_VFS_LFS2 ?= 1
FROZEN_MANIFEST ?= $(BOARD_DIR)/../../manifest.py
