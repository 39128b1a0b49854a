"""What each dataset covers, asked of the vendor once a day, and which dataset a window is served from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vaultdash.data.vendors.moments import read_moment
from vaultdash.errors import (
    CoverageError,
    LicenceMissingError,
    NothingThereError,
    RequestRefusedError,
    UnreadableAnswerError,
    VendorAnswer,
)
from vaultdash.market import SECOND_NS, Window

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Spans = Mapping[str, Window]

HELD_SECONDS = 86_400.0
# A refusal is not built on an answer older than this: the end of history moves on during the day.
FRESH_SECONDS = 300.0
FILE_NAME = "dataset-ranges.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Held:
    spans: Spans
    at: float


@dataclass(kw_only=True, slots=True)
class DatasetRanges:
    """The windows that a vendor's datasets cover, by schema, held in memory and in a small file of `folder`.

    `ask` is the vendor's call for one dataset. `owner` names whom it was asked (the gateway): answers of another are
    not used. A file that cannot be read or written is done without.
    """

    ask: Callable[[str], object]
    owner: str
    folder: Path | None = None
    now: Callable[[], float] = time.time
    _held: dict[str, _Held] = field(default_factory=dict)
    _is_read: bool = False

    def of(self, dataset: str, *, newest: float = HELD_SECONDS) -> Spans:
        """Return the windows by schema, from an answer at most `newest` seconds old."""
        self._read_file()
        held = self._held.get(dataset)
        # An answer from the future (a clock that was set back) is as good as none.
        if held is None or not 0 <= self.now() - held.at <= newest:
            held = _Held(spans=read_spans(dataset, self.ask(dataset)), at=self.now())
            self._held[dataset] = held
            self._write_file()
        return held.spans

    def _read_file(self) -> None:
        if self._is_read or self.folder is None:
            return
        self._is_read = True
        try:
            kept = json.loads((self.folder / FILE_NAME).read_text("utf-8"))
            if kept["owner"] == self.owner:
                self._held |= {name: _read_held(one) for name, one in kept["datasets"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return

    def _write_file(self) -> None:
        if self.folder is None:
            return
        datasets = {
            name: {"at": held.at, "spans": {schema: [span.start, span.end] for schema, span in held.spans.items()}}
            for name, held in self._held.items()
        }
        target = self.folder / FILE_NAME
        new = target.with_suffix(".new")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps({"owner": self.owner, "datasets": datasets}), "utf-8")
            new.replace(target)
        except OSError:
            # The file spares a free call a day; that it cannot be written takes nothing from anybody.
            return


def _read_held(kept: Mapping[str, object]) -> _Held:
    at, spans = kept["at"], kept["spans"]
    if not isinstance(at, (int, float)) or not isinstance(spans, dict):
        raise TypeError(FILE_NAME)
    return _Held(spans={str(name): _read_span(pair) for name, pair in spans.items()}, at=float(at))


def _read_span(pair: object) -> Window:
    start, end = pair if isinstance(pair, list) else (None, None)
    if not isinstance(start, int) or not isinstance(end, int) or not start < end:
        raise ValueError(FILE_NAME)
    return Window(start=start, end=end)


def read_spans(dataset: str, answer: object) -> Spans:
    """Read get_dataset_range's answer: the window of each schema. Raises UnreadableAnswerError for another answer."""
    schemas = answer.get("schema") if isinstance(answer, dict) else None
    spans: dict[str, Window] = {}
    for schema, span in schemas.items() if isinstance(schemas, dict) else ():
        start, end = (read_moment(span.get(name)) if isinstance(span, dict) else None for name in ("start", "end"))
        if start is not None and end is not None and start < end:
            spans[str(schema)] = Window(start=start, end=end)
    if not spans:
        raise UnreadableAnswerError(
            vendor="Databento", what=f"the range of {dataset}", reason="it names no schema and window"
        )
    return spans


def span_of(spans: Spans, dataset: str, schema: str) -> Window:
    """Return the window of a schema. Raises RequestRefusedError where the dataset does not offer it."""
    if schema not in spans:
        raise RequestRefusedError(
            what=f"{schema} of {dataset}",
            answer=VendorAnswer(),
            remedy=f"The dataset offers {', '.join(sorted(spans))}.",
        )
    return spans[schema]


def choose_dataset(
    ranges: DatasetRanges,
    *,
    wanted: Sequence[str],
    others: Sequence[str],
    symbol: str,
    schema: str,
    window: Window,
    yahoo_symbol: str | None,
) -> str:
    """Return the first of the `wanted` datasets that covers the window; one that the account may not use is passed by.

    Raises CoverageError, which tells what each of them holds and which of the `others` would cover it. Yahoo is named
    for daily bars of the past where it knows the symbol.
    """
    held = []
    for dataset in wanted:
        span, reason = _span_or_reason(ranges, dataset, schema, window)
        if span and _covers(span, window):
            return dataset
        held.append(reason)
    might = [name for name in others if name not in wanted]
    spans = ((name, _span_or_reason(ranges, name, schema, window)[0]) for name in might)
    is_past = window.end <= ranges.now() * SECOND_NS
    raise CoverageError(
        symbol=symbol,
        schema=schema,
        asked=str(window),
        held=held,
        others=[name for name, span in spans if span and _covers(span, window)],
        on_yahoo=yahoo_symbol if schema == "ohlcv-1d" and is_past else None,
    )


def _covers(span: Window, window: Window) -> bool:
    return span.start <= window.start and window.end <= span.end


def _span_or_reason(ranges: DatasetRanges, dataset: str, schema: str, window: Window) -> tuple[Window | None, str]:
    """Return what the dataset holds of the schema, or None, and the clause that says so."""
    try:
        span = ranges.of(dataset).get(schema)
        if span and span.start <= window.start and span.end < window.end:
            span = ranges.of(dataset, newest=FRESH_SECONDS).get(schema)
    except (LicenceMissingError, NothingThereError, RequestRefusedError) as error:
        return None, f"{dataset} is not open to this account{error.answer}"
    return span, f"{dataset} holds {span}" if span else f"{dataset} has no {schema}"
