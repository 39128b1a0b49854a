"""Event presets: named windows of market history, and the scenario each becomes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, ClassVar, Literal, get_args

from vaultdash.errors import DatesReversedError
from vaultdash.hedge.checks import require, require_one_of, require_slug
from vaultdash.hedge.template import FORBID_UNKNOWN_FIELDS
from vaultdash.market import DateRange

EventType = Literal["selloff", "recovery", "rally", "rate_cycle", "stress_test"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScenarioOverrides:
    """What an event changes in the scenario made of it. Look-back and recovery are calendar days around the window."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    lookback_days: int = 0
    recovery_days: int = 0
    default_template_slugs: tuple[str, ...] = ()
    normalize_start_value: bool = True

    def __post_init__(self) -> None:
        for field, value in (("lookback_days", self.lookback_days), ("recovery_days", self.recovery_days)):
            require(
                fact=0 <= value <= 3650,  # noqa: PLR2004 - ten years is beyond any event
                owner="Scenario overrides",
                field=field,
                value=value,
                must="be 0 to 3650 calendar days",
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EventPreset:
    """A named window, both ends included. Start prices come from data, never from here."""

    __pydantic_config__: ClassVar[dict[str, Any]] = FORBID_UNKNOWN_FIELDS
    event_preset_id: str
    slug: str
    display_name: str
    symbol: str
    window_start: date
    window_end: date
    event_type: EventType
    anchor_date: date | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    scenario_overrides: ScenarioOverrides = ScenarioOverrides()
    created_at: date | None = None

    def __post_init__(self) -> None:
        require_slug("Event preset", "slug", self.slug)
        owner = f"Event {self.slug!r}"
        require_one_of(owner, "event_type", self.event_type, get_args(EventType))
        if not self.window_start <= self.window_end:
            raise DatesReversedError(start=self.window_start, end=self.window_end)
        require(
            fact=self.anchor_date is None or self.window_start <= self.anchor_date <= self.window_end,
            owner=owner,
            field="anchor_date",
            value=str(self.anchor_date),
            must="lie inside the window",
        )

    @property
    def window(self) -> DateRange:
        """The days the scenario runs over: the window with its look-back and recovery."""
        return DateRange(
            start=self.window_start - timedelta(days=self.scenario_overrides.lookback_days),
            end=self.window_end + timedelta(days=self.scenario_overrides.recovery_days),
        )


def _event(
    slug: str,
    start: str,
    end: str,
    display_name: str,
    description: str,
    *,
    event_type: EventType = "selloff",
    anchor: str | None = None,
    symbol: str = "GLD",
) -> EventPreset:
    return EventPreset(
        event_preset_id=f"builtin-{slug}",
        slug=slug,
        display_name=display_name,
        symbol=symbol,
        window_start=date.fromisoformat(start),
        window_end=date.fromisoformat(end),
        anchor_date=date.fromisoformat(anchor) if anchor else None,
        event_type=event_type,
        tags=("builtin",),
        description=description,
        created_at=date(2026, 11, 20),
    )


BUILTIN_EVENTS: tuple[EventPreset, ...] = (
    _event(
        "gfc-2008",
        "2008-07-15",
        "2008-11-20",
        "Financial crisis 2008",
        "Gold sold for cash as credit froze.",
    ),
    _event(
        "gold-top-2011",
        "2011-08-22",
        "2011-12-30",
        "Top of 2011",
        "The fall from the high of August 2011.",
    ),
    _event(
        "gold-crash-2013",
        "2013-03-28",
        "2013-06-28",
        "Crash of 2013",
        "Two sessions in April took more than a tenth; June took the rest.",
        anchor="2013-04-15",
    ),
    _event(
        "fed-2016",
        "2016-09-23",
        "2016-12-22",
        "Rate rise of 2016",
        "The slide into the Federal Reserve's rise of December 2016.",
        event_type="rate_cycle",
    ),
    _event(
        "covid-crash-2020",
        "2020-02-18",
        "2020-04-15",
        "Covid crash 2020",
        "Two weeks in March in which everything was sold, and the way back.",
        event_type="stress_test",
        anchor="2020-03-19",
    ),
    _event(
        "slide-2020-21",
        "2020-08-06",
        "2021-03-31",
        "Slide of 2020 to 2021",
        "Eight months down from the high of August 2020.",
    ),
    _event(
        "rate-hikes-2022",
        "2022-01-03",
        "2022-12-30",
        "Rate rises of 2022",
        "The year of the fastest rate rises in four decades, from end to end.",
        event_type="rate_cycle",
    ),
    _event(
        "slide-2022",
        "2022-03-08",
        "2022-11-03",
        "Slide of 2022",
        "From the high of March 2022 to the low before the turn.",
    ),
    _event(
        "gc-rally-2024",
        "2024-01-02",
        "2024-12-31",
        "Futures rally 2024",
        "A year of rise in the futures: what a hedge costs when it is not needed.",
        event_type="rally",
        symbol="GC",
    ),
    _event(
        "election-2024",
        "2024-10-30",
        "2024-11-15",
        "Election of 2024",
        "The fall around the election of November 2024.",
    ),
    _event(
        "gold-oct-2025",
        "2025-10-20",
        "2025-11-04",
        "Fall of October 2025",
        "The break after the high of October 2025.",
    ),
    _event(
        "gold-jan-2026",
        "2026-01-29",
        "2026-03-26",
        "Fall of January 2026",
        "A tenth lost in one session, a rebound, and a new low in March.",
        anchor="2026-01-30",
    ),
)
