"""Django's Redis cache with one client for all commands: Django makes one for each, which costs
more than the command. redis-py's clients may be shared."""

from functools import cached_property
from typing import Any

from django.core.cache.backends import redis


class OneClient(redis.RedisCacheClient):
    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        return self._only

    @cached_property
    def _only(self) -> Any:
        return super().get_client(write=True)


class RedisCache(redis.RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = OneClient
