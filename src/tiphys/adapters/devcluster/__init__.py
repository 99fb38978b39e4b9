"""Development control planes on this machine, run by the program `tiphys-devcluster`."""

from tiphys.adapters.devcluster.cluster import DevCluster
from tiphys.adapters.devcluster.places import find_program, state_folder

__all__ = ["DevCluster", "find_program", "state_folder"]
