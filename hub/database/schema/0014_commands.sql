-- An account of a tool (Home Assistant, openHAB) that may command devices as well as read them.
ALTER TABLE dormouse.account ADD commands boolean NOT NULL DEFAULT false;
