"""How pytest's workers share the end-to-end tests: one by one, except those that share expensive servers."""

from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/"
DATABASE = "tests/e2e/test_audit.py::test_a_real_database_is_read"


class OneByOne(LoadScopeScheduling):
    """Hands out groups first, then single tests in their order; a worker has one to run and one to come.

    The tests of a file in tests/browser are one worker's, for one browser; so are those of one database.
    """

    def _split_scope(self, nodeid):
        if nodeid.startswith(BROWSER):
            return nodeid.partition("::")[0]
        return DATABASE if nodeid.startswith(DATABASE) else nodeid

    def _reschedule(self, node):
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
