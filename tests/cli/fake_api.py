"""FleetLM's sessions as the cleanup sees them, with pages of 50 and failures on demand."""

from types import SimpleNamespace

from fleetlm_users.errors import RestFailed

PAGE = 50


class FakeApi:
    """Sessions in order of creation. With `hides_archived` it lists only those not deleted."""

    def __init__(self, *, hides_archived=False):
        self.sessions = {}
        self.hides_archived = hides_archived
        self.asked = []
        self.deleted = []
        self.broken = set()
        self.down = False

    def add(self, user_id, run_id="r1", count=1, *, archived=False, **metadata):
        """Creates sessions of one participant."""
        for _ in range(count):
            number = len(self.sessions)
            self.sessions[f"s{number}"] = {
                "id": f"s{number}",
                "user_id": user_id,
                "status": "archived" if archived else "active",
                "inserted_at": f"2026-11-24T10:00:{number:05d}",
                "metadata": {"bench": True, "run_id": run_id, "scenario": "burst", **metadata},
            }

    def call(self, method, path):
        """GET /sessions."""
        assert (method, path) == ("GET", "/sessions")
        return self._answer(self.sessions.values())

    def list_sessions(self, user_id):
        """GET /sessions?user_id=."""
        self.asked.append(user_id)
        return self._answer(session for session in self.sessions.values() if session["user_id"] == user_id)

    def delete_session(self, session_id):
        """DELETE /sessions/:id."""
        if self.down or session_id in self.broken:
            raise RestFailed("DELETE", "/api/sessions/:id", "http_503", 503, "busy")
        self.sessions[session_id]["status"] = "archived"
        self.deleted.append(session_id)

        return SimpleNamespace(status=204, body=None)

    def _answer(self, sessions):
        if self.down:
            raise RestFailed("GET", "/api/sessions", "refused", None, "Connection refused")
        shown = [item for item in sessions if not (self.hides_archived and item["status"] == "archived")]
        return SimpleNamespace(body={"sessions": list(reversed(shown))[:PAGE]})
