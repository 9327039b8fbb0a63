"""Updates over the air: yaota8266's protocol, canned files, streaming."""
