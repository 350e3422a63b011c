"""Redis, RabbitMQ, PostgreSQL and Prometheus for the tests: own ports, own folders, killed and started again at will.

Nothing of the distribution's own services is touched, and a server ends with the test process, however that ends.
`with RedisServer() as server:` or the session's fixtures `redis_server`, `rabbit_server`, `postgres_server`; a test
that kills or pauses its server starts its own.
"""

from tests.servers.certificates import Certificates
from tests.servers.postgres import PostgresServer
from tests.servers.prometheus import PrometheusServer, Scrape, Series
from tests.servers.rabbit import RabbitServer
from tests.servers.redis import RedisServer, SentinelServer
from tests.servers.server import Server, fresh_name

__all__ = [
    "Certificates",
    "PostgresServer",
    "PrometheusServer",
    "RabbitServer",
    "RedisServer",
    "Scrape",
    "SentinelServer",
    "Series",
    "Server",
    "fresh_name",
]
