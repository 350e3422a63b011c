"""Kombu's virtual transport as bases without types: it is marked as typed, but hardly anything in it is."""

from __future__ import annotations

from typing import Any

from kombu.transport import virtual

VirtualChannel: Any = virtual.Channel
VirtualQoS: Any = virtual.QoS
VirtualTransport: Any = virtual.Transport
