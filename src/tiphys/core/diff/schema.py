"""The types of Kubernetes kinds as the cluster's OpenAPI v3 announces them.

Placeholder for the names that other layers speak of; see TypeSchema.
"""

from __future__ import annotations


class TypeSchema:
    pass
