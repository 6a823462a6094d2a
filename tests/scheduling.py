"""How pytest's workers share the end-to-end tests: one by one, but for those that share what is dear to start."""

from xdist.scheduler import LoadScopeScheduling

TOGETHER = (
    *(f"tests/browser/test_{name}.py" for name in ("other_origins", "start_form", "web_pages")),
    "tests/e2e/test_audit.py::test_a_real_database_is_read",
)
"""What the ids of tests begin with that are one worker's: a browser for each file of them, a database for both."""


class OneByOne(LoadScopeScheduling):
    """Hands out groups first, then single tests in their order; a worker has one to run and one to come."""

    def _split_scope(self, nodeid):
        return next((start for start in TOGETHER if nodeid.startswith(start)), nodeid)

    def _reschedule(self, node):
        if not self.workqueue or self._pending_of(self.assigned_work[node]) < 2:
            super()._reschedule(node)
