"""Why a device is offline, silent or not updated: facts gathered, then said in sentences.

`problems` has what the rest of the hub calls: `problems(hub, tenant)` and `explain_device`.
"""
