"""What things are: values, keys and equality. No behaviour beyond those, and no I/O."""
