// Dormouse's application: a filesystem with littlefs, .mpy files from it, nothing that it lacks.
#define MICROPY_HW_BOARD_NAME "Dormouse"
#define MICROPY_HW_MCU_NAME "ESP8266"

#define MICROPY_ERROR_REPORTING (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_VFS (1)
#define MICROPY_READER_VFS (1)
