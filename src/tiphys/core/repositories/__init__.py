"""Which repositories there are, and what opens them: from Secrets and ConfigMaps to values."""
