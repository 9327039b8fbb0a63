GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.device_config, dormouse.report_daily
    TO dormouse_app;
