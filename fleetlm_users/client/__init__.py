"""Bytes in and out over gevent: Phoenix sockets, FleetLM's REST calls, preflight. Knows no statistics and no Locust."""

from fleetlm_users.client.connector import Connector
from fleetlm_users.client.contract import ChannelHandler, Joined, Reply, Sent, SocketOptions
from fleetlm_users.client.endpoint import host_of
from fleetlm_users.client.heartbeats import Heartbeats
from fleetlm_users.client.inbox_channel import InboxChannel
from fleetlm_users.client.phoenix_socket import PhoenixSocket
from fleetlm_users.client.preflight import Preflight, Problem, Targets, check
from fleetlm_users.client.resolver import Address, Resolver
from fleetlm_users.client.rest import Answered, Created, RestApi, RestCallFailed
from fleetlm_users.client.session_channel import ChannelObserver, SessionChannel
from fleetlm_users.client.source_addresses import SourceAddresses, not_local, sources_here
from fleetlm_users.client.text_page import TextPage
from fleetlm_users.client.transport import copy_of
from fleetlm_users.protocol.conversation import SentMessage

__all__ = [
    "Address",
    "Answered",
    "ChannelHandler",
    "ChannelObserver",
    "Connector",
    "Created",
    "Heartbeats",
    "InboxChannel",
    "Joined",
    "PhoenixSocket",
    "Preflight",
    "Problem",
    "Reply",
    "Resolver",
    "RestApi",
    "RestCallFailed",
    "Sent",
    "SentMessage",
    "SessionChannel",
    "SocketOptions",
    "SourceAddresses",
    "Targets",
    "TextPage",
    "check",
    "copy_of",
    "host_of",
    "not_local",
    "sources_here",
]
