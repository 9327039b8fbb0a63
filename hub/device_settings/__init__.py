"""Settings requested for devices: versions, published as `$config`, compared with reports."""
