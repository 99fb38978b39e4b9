"""Made of protos/plugin.proto by `make protos`."""
