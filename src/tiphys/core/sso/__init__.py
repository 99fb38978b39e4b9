"""Rules of single sign-on: what is configured, where people may be sent, whose token it is."""
