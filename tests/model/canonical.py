"""The canonical form of a state: equal futures have equal forms.

Numbers of wakes, registrations and tokens are only compared for equality. Each number of a row becomes 0. An equal
number in a copy of the row becomes 0 too, and an outdated number becomes -1, since it can never match again. Tokens are
numbered in the order in which the state names them.
"""

from functools import lru_cache

from model.protocol import Call, Date, Sender, State
from model.rows import Row

_STALE = -1


def canonical(state: State) -> State:
    """The form of a state that represents all states with the same future."""
    dates, copies = [], {}
    for at, date in enumerate(state.dates):
        reads = tuple(read for sender in state.senders for of, read in sender.todo if of == at)
        form, renamed = _form(date, reads)
        dates.append(form)
        copies[at] = iter(renamed)
    senders = tuple(Sender(step, tuple((of, next(copies[of])) for of, _ in todo)) for step, todo in state.senders)
    return State(tuple(dates), state.sensors, state.queues, senders, state.budget)


@lru_cache(maxsize=1 << 18)
def _form(date: Date, reads: tuple[Row, ...]) -> tuple[Date, tuple[Row, ...]]:
    """One date, and the copies of its row that the senders hold."""
    names = _Names(date.row)
    form = names.date(date)
    renamed = tuple(names.copy(read) for read in reads)
    return form._replace(issued=names.issued), renamed


class _Names:
    """The names of one date's numbers."""

    def __init__(self, row: Row | None) -> None:
        self._row = row
        self._tokens: dict[int, int] = {0: 0}

    @property
    def issued(self) -> int:
        return len(self._tokens) - 1

    def date(self, date: Date) -> Date:
        token = self._token(date.token)
        row = date.row
        if row is not None:
            row = Row(row.run, 0, 0, self._token(row.token), row.overdue)
        call = None if date.call is None else self._call(date.call)
        strays = tuple(self._call(stray) for stray in date.strays)
        if len(strays) > 1:
            strays = tuple(sorted(strays, key=repr))
        answer = None if date.answer is None else self._look(date.answer)
        return date._replace(token=token, row=row, call=call, strays=strays, answer=answer)

    def copy(self, read: Row) -> Row:
        wakes, registrations = self._numbers(read)
        return Row(read.run, wakes, registrations, self._token(read.token), False)

    def _call(self, call: Call) -> Call:
        look = None if call.look is None else self._look(call.look)
        return call._replace(look=look, token=self._token(call.token))

    def _look(self, look: Row) -> Row:
        return Row(look.run, *self._numbers(look))

    def _numbers(self, read: Row) -> tuple[int, int]:
        row = self._row
        if row is None or row.run != read.run:
            return _STALE, _STALE
        wakes = 0 if read.wakes == row.wakes else _STALE
        return wakes, 0 if read.registrations == row.registrations else _STALE

    def _token(self, token: int) -> int:
        return self._tokens.setdefault(token, len(self._tokens))
