"""The edge that is reached over HTTP: what comes in is bounded, and answered in fixed words."""
