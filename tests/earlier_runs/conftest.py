"""Shared by the tests of earlier runs: the command line reads them in most of its ways."""

from tests.cli.conftest import bench

__all__ = ["bench"]
