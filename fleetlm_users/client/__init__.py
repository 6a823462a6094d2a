"""Bytes in and out over gevent: the Phoenix socket and the REST calls. Knows no statistics."""
