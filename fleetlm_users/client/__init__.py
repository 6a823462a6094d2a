"""Bytes in and out over gevent: Phoenix sockets, FleetLM's REST calls, preflight. No statistics, no Locust."""

from fleetlm_users.client.http.fleetlm_api import Answered, Appended, Created, RestApi, RestCallFailed
from fleetlm_users.client.http.grafana_api import TOKEN, GrafanaApi
from fleetlm_users.client.http.text_page import TextPage
from fleetlm_users.client.message_table import MessageTable
from fleetlm_users.client.net.connector import Connector
from fleetlm_users.client.net.endpoint import host_of
from fleetlm_users.client.net.resolver import Address, Resolver
from fleetlm_users.client.net.source_addresses import SourceAddresses, not_local, sources_here
from fleetlm_users.client.phoenix.devices import Device, KnownFrames, ListenerDevice, WriterDevice
from fleetlm_users.client.phoenix.heartbeats import Heartbeats
from fleetlm_users.client.phoenix.inbox_channel import InboxChannel
from fleetlm_users.client.phoenix.replay import read_replay
from fleetlm_users.client.phoenix.session_channel import ChannelObserver, SessionChannel
from fleetlm_users.client.phoenix.socket import PhoenixSocket
from fleetlm_users.client.phoenix.types import ChannelHandler, Joined, PushReply, Sent, SocketOptions
from fleetlm_users.client.preflight import PreflightResult, Problem, ProblemCode, Targets, check
from fleetlm_users.client.socket_preflight import SocketPreflight, SocketTarget, check_sockets
from fleetlm_users.client.websocket.handshake import header_lines
from fleetlm_users.client.websocket.transport import copy_of
from fleetlm_users.protocol.observer import SentMessage
from fleetlm_users.protocol.profile import PROFILES, Profile, profile_of

__all__ = [
    "PROFILES",
    "TOKEN",
    "Address",
    "Answered",
    "Appended",
    "ChannelHandler",
    "ChannelObserver",
    "Connector",
    "Created",
    "Device",
    "GrafanaApi",
    "Heartbeats",
    "InboxChannel",
    "Joined",
    "KnownFrames",
    "ListenerDevice",
    "MessageTable",
    "PhoenixSocket",
    "PreflightResult",
    "Problem",
    "ProblemCode",
    "Profile",
    "PushReply",
    "Resolver",
    "RestApi",
    "RestCallFailed",
    "Sent",
    "SentMessage",
    "SessionChannel",
    "SocketOptions",
    "SocketPreflight",
    "SocketTarget",
    "SourceAddresses",
    "Targets",
    "TextPage",
    "WriterDevice",
    "check",
    "check_sockets",
    "copy_of",
    "header_lines",
    "host_of",
    "not_local",
    "profile_of",
    "read_replay",
    "sources_here",
]
