"""Looking over the shoulder of another controller: compares and tells, and writes nothing."""
