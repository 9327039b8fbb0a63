"""Readings that others kept before: files of spreadsheets, Home Assistant and InfluxDB."""
