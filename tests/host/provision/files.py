"""What the files of devices in these tests have in common."""

from host.provision.plan import HubEndpoint

HUB = HubEndpoint(host="192.168.1.7")
KEY = "rosebud 1941"
COMMON = f'wifi = {{ ssid = "house", key = "{KEY}" }}\n'
