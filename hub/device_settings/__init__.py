"""Settings wanted of devices: kept by version, published as `$config`, compared with reports."""
