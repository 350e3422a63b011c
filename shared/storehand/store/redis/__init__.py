"""The job store on Redis or Valkey: many hosts, one truth. Written by one Lua script, so that every call is atomic."""

from storehand.store.redis.address import Tls
from storehand.store.redis.store import RedisStore

__all__ = ["RedisStore", "Tls"]
