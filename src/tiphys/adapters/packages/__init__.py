"""What is fetched as a package: charts of indexes and registries, and OCI artefacts.

`web` asks over HTTP, `archive` unpacks and keeps, `charts` and `oci` speak the two protocols.
"""
