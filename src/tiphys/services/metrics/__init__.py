"""What is measured, as values and ports: counted where it happens, or read when it is asked for."""
