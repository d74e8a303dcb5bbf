"""The four DynamoDB tables: rows, transactions, indexes and the in-memory twin."""

__all__: list[str] = []
