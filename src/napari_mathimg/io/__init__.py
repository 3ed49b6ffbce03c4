"""Files: what they hold beside pixels."""
