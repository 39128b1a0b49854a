"""What a person should know of daily closes built from bars, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaultdash.data.wording import counted, named, were
from vaultdash.market import DateRange, utc_day

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from vaultdash.data.bars.bar_merging import MergedBars
    from vaultdash.market import DailyClose, TradingCalendar


class NotesOfDays:
    """Collects the notes of one series, each opening with its source's name."""

    def __init__(self, source: str, calendar: TradingCalendar) -> None:
        self._source = source
        self._calendar = calendar
        self._notes: list[str] = []

    def undefined(self, times: NDArray[np.int64]) -> None:
        """Bars with a price that is not defined."""
        self._dropped(times, "with an undefined price")

    def not_positive(self, times: NDArray[np.int64]) -> None:
        """Bars whose close is zero or below."""
        self._dropped(times, "with a close at or below zero")

    def on_closed_days(self, times: NDArray[np.int64]) -> None:
        """Daily bars on days without a session."""
        self._dropped(times, f"on days the exchange ({self._calendar.name}) was closed")

    def repeated(self, count: int) -> None:
        """Bars of one moment, publisher and contract that came more than once."""
        if count:
            self._add(f"{counted(count, 'bar')} that came again {were(count)} dropped, the last of each kept")

    def outside_sessions(self, count: int) -> None:
        """Bars outside the exchange's hours."""
        if count:
            self._add(f"{counted(count, 'bar')} outside the sessions of {self._calendar.name} {were(count)} left out")

    def reaching_over(self, count: int) -> None:
        """Bars that hold an open or a close of the session within them."""
        if count:
            reach = "reaches" if count == 1 else "reach"
            self._add(
                f"{counted(count, 'bar')} {reach} over the open or the close of a session; what traded outside it "
                f"is in the open, high, low and volume (shorter bars would part it)"
            )

    def unfinished(self, days: Sequence[date]) -> None:
        """Sessions that were not over at the end of what is held."""
        if days:
            self._add(
                f"{counted(len(days), 'session')} not over at the end of the history held {were(len(days))} left out "
                f"({named(days)})"
            )

    def begun_before(self, day: date) -> None:
        """A first session of which only the end is held."""
        self._add(f"the history held begins within the session of {day}, which has a close alone")

    def merged(self, days: Sequence[date], bars: MergedBars) -> None:
        """How bars of several contracts or publishers became one."""
        if rolls := [days[place] for place in bars.roll_places]:
            hold = "holds" if len(rolls) == 1 else "hold"
            self._add(
                f"{counted(len(rolls), 'session')} {hold} a roll; only bars of the new contract count in it "
                f"({named(rolls)})"
            )
        if shared := [days[place] for place in bars.shared_places]:
            self._add(
                f"{counted(len(shared), 'session')} had bars of several publishers; their volumes were added, and the "
                f"close is that of the one with the most volume ({named(shared)})"
            )
        if consolidated := [days[place] for place in bars.consolidated_places]:
            self._add(
                f"{counted(len(consolidated), 'session')} had bars of several publishers; those of the consolidated "
                f"one were taken ({named(consolidated)})"
            )

    def all(self, days: Sequence[DailyClose]) -> tuple[str, ...]:
        """Every note, and the sessions between the first and the last close that have none."""
        held = {day.date for day in days}
        window = DateRange(start=days[0].date, end=days[-1].date)
        if missing := [day for day in self._calendar.within(window) if day not in held]:
            have = "has" if len(missing) == 1 else "have"
            self._add(
                f"{counted(len(missing), 'session')} between {window.start} and {window.end} {have} no close "
                f"({named(missing)})"
            )
        return tuple(self._notes)

    def reason(self, otherwise: str) -> str:
        """Why nothing is left, for a refusal."""
        return "; ".join(note.removeprefix(f"{self._source}: ") for note in self._notes) or otherwise

    def _dropped(self, times: NDArray[np.int64], which: str) -> None:
        if len(times):
            days = sorted({utc_day(moment) for moment in times.tolist()})
            self._add(f"{counted(len(times), 'bar')} {which} {were(len(times))} dropped ({named(days)})")

    def _add(self, note: str) -> None:
        self._notes.append(f"{self._source}: {note}")
