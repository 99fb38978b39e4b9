"""One application: bringing its status up to date, running its operations, deleting it."""
