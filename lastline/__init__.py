"""Python side of Lastline: typed access to its contracts, for scripts, keepers and integrators."""

__version__ = "0.1.0"
