"""A client of DynamoDB for the tables: botocore's rules and errors without its model and its import time.

`_dynamo_client` has the operations. `_server` finds the server and the credentials, `_signing` signs requests,
`_connections` sends them, and `_retries` decides about retries. `_table_client` names the operations that the tables
use.
"""

from interlock_store._client._dynamo_client import DynamoClient
from interlock_store._client._server import Server, find_server
from interlock_store._client._signing import Keys
from interlock_store._client._table_client import TableClient

__all__ = ["DynamoClient", "Keys", "Server", "TableClient", "find_server"]
