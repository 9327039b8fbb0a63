"""Configuration of both mosquitto processes: templates with `{name}` for files, ports and sizes."""

from __future__ import annotations

__all__ = ["ENROL", "MAIN"]

# Queue: what the hub may miss. 200 devices that report each five minutes, two messages a wake, for
# three days are 345,600 messages, about 50 MB on disk and 150 MB of memory while they wait. It is
# the same for every client, and there is memory for a few: whose queue is full is shut out.
# Autosave: each writes the whole store. Our devices keep what the database has not acknowledged, so
# only a power cut loses something here: a queued command, a retained value of these minutes.
# Sizes: payloads are 16 KiB at most (docs/topics.md). What is a little larger reaches the hub,
# which counts it. At more the broker hangs up and says so (hub/mqtt/hung_up.py);
# message_size_limit would drop it without a word, and only once it is there: until then the broker
# keeps room for it. More is let in where a rule reads it (a gateway's list of devices).
# Sessions: no `persistent_client_expiration`, and the same settings for all listeners, since
# mosquitto below 2.0.23 dies of reloads otherwise (hub/mqtt/expiring_sessions.py). There is one
# session an account, which goes with it.
# What waits is bounded in bytes, how much is one account's by hub/mqtt/account_limits.py, which
# hears each `sys_interval` (s) how much it is in all.
MAIN = """\
per_listener_settings false
allow_anonymous false
password_file {passwords}
acl_file {acl}
persistence true
persistence_location {folder}/
persistence_file mosquitto.db
autosave_interval 300
max_queued_messages 350000
max_inflight_messages 100
max_packet_size {packet_size}
max_queued_bytes 67108864
memory_limit 536870912
max_keepalive 65535
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
log_type subscribe
connection_messages true
sys_interval 2

listener {mqtt} {host}
max_connections {mqtt_connections}
use_username_as_clientid true

listener {mqtts} {host}
max_connections {mqtts_connections}
use_username_as_clientid true
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
"""

# Its log says who sent what (hub/mqtt/enrol_addresses.py); nothing else does.
ENROL = """\
per_listener_settings true
persistence false
retain_available false
max_queued_messages 10000
max_inflight_messages 100
max_packet_size 4096
memory_limit 67108864
log_dest stderr
log_timestamp false
log_type error
log_type warning
log_type notice
log_type information
log_type debug
connection_messages true
sys_interval 0

listener {enrol} {host}
max_connections {enrol_connections}
allow_anonymous true
{enrol_rules}"""
