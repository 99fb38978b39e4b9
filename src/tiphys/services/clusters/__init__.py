"""The clusters that applications are deployed to: found by destination, connected when used."""
