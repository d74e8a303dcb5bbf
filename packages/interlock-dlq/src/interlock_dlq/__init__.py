"""Dead letters: classification, records, routing, partial batches, audit and redrive."""

__all__: list[str] = []
