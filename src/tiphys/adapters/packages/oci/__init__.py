"""OCI registries: charts in them, and artefacts that hold manifests."""
