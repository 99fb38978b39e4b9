"""Development control planes, as the edges see them."""

from tiphys.services.devcluster.ports import ControlPlane, ControlPlanes

__all__ = ["ControlPlane", "ControlPlanes"]
