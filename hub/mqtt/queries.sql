-- Accounts of the broker.

-- set_account_state --
UPDATE dormouse.account SET state = %s, changed_at = now() WHERE device = %s;

-- set_account_password --
UPDATE dormouse.account SET password = %s, changed_at = now() WHERE device = %s;

-- add_account --
INSERT INTO dormouse.account (tenant_id, device, password, state, model, firmware, commands)
VALUES (dormouse.current_tenant(), %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
RETURNING created_at;

-- remove_account --
DELETE FROM dormouse.account WHERE device = %s;

-- release_broker_user --
SELECT dormouse.release_broker_user(%s);

-- tenant_of_broker_user --
SELECT dormouse.broker_user_tenant(%s);

-- claim_broker_user --
SELECT dormouse.claim_broker_user(%s);

-- accounts --
SELECT device, password, state, model, firmware, created_at, changed_at, commands
FROM dormouse.account;

-- account_of_device --
SELECT device, password, state, model, firmware, created_at, changed_at, commands
FROM dormouse.account WHERE device = %s;
