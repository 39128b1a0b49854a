"""A loopback double of Databento's historical service: its protocol and bytes, a made-up market, faults."""

from tests.gateway.faults import ALWAYS, Fault
from tests.gateway.server import KEY, Gateway, Logged

__all__ = ["ALWAYS", "KEY", "Fault", "Gateway", "Logged"]
