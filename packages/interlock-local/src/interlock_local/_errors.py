"""The error of the local stack for expected problems."""


class LocalStackError(Exception):
    """A problem outside this program prevents the work of the local stack.

    ``str()`` is one sentence for the user: the problem and, if it is known, the remedy.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
