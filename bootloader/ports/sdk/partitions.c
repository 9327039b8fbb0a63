/* The flash map as SDK 3.x wants it. In a library of its own: only 3.x asks for user_pre_init, so
 * with 2.x nothing here is linked, and nothing that 2.x lacks is asked for. */
#include "flashmap.h"
#include "sdk.h"

void user_pre_init(void);

/* The SDK's last sectors: RF calibration, PHY data, three of system parameters, which must be the
 * last of the flash. */
#define RF_CAL_AT FLASH_SDK_OFFSET
#define PHY_DATA_AT (RF_CAL_AT + FLASH_SECTOR)
#define PARAMETERS_AT (PHY_DATA_AT + FLASH_SECTOR)
#define PARAMETERS_SIZE (3u * FLASH_SECTOR)
#define FLASH_SECTOR 0x1000u

#if PARAMETERS_AT + PARAMETERS_SIZE != FLASH_SIZE
#error "partitions.csv: the SDK's partition must be the last five sectors of the flash"
#endif

static const partition_item_t partitions[] = {
    {SYSTEM_PARTITION_BOOTLOADER, FLASH_BOOT_OFFSET, FLASH_BOOT_SIZE},
    {SYSTEM_PARTITION_OTA_1, FLASH_OTASERVER_OFFSET, FLASH_OTASERVER_SIZE},
    {SYSTEM_PARTITION_RF_CAL, RF_CAL_AT, FLASH_SECTOR},
    {SYSTEM_PARTITION_PHY_DATA, PHY_DATA_AT, FLASH_SECTOR},
    {SYSTEM_PARTITION_SYSTEM_PARAMETER, PARAMETERS_AT, PARAMETERS_SIZE},
};

/* The SDK compares it with the size in the header at 0x0, which the flashing tool wrote there. */
#if FLASH_SIZE == 0x100000u
#define FLASH_SIZE_MAP FLASH_SIZE_1M_MAP_512_512
#elif FLASH_SIZE == 0x200000u
#define FLASH_SIZE_MAP FLASH_SIZE_2M_MAP_512_512
#elif FLASH_SIZE == 0x400000u
#define FLASH_SIZE_MAP FLASH_SIZE_4M_MAP_512_512
#else
#error "partitions.csv: the SDK knows flashes of 1, 2 and 4 MiB"
#endif

void user_pre_init(void) {
    if (!system_partition_table_regist(partitions, sizeof(partitions) / sizeof(partitions[0]),
                                       FLASH_SIZE_MAP))
        ets_printf("ota: the SDK refuses the flash map\n");
}
