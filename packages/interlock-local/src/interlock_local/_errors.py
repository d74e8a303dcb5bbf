"""The one error of the local stack: trouble that can be expected, told in one sentence."""


class LocalStackError(Exception):
    """Something outside this program stands in the way of the local stack.

    ``str()`` is one sentence for the person at the terminal: what is wrong and, where it is known, what to do.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
