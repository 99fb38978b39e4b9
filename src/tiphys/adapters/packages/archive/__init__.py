"""Archives read as trees: unpacked once, kept by digest, no file named as they say."""
