"""TCP, TLS and name resolution on gevent's event loop."""
