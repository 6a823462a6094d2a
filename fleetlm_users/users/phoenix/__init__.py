"""Users of any Phoenix application; the public address is `fleetlm_users.phoenix`."""
