"""One call to Databento at a time: paced, repeated where that may help, its failures made ours, the key kept in."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from vaultdash.data.vendors.databento_failures import Asked, failure_of
from vaultdash.data.vendors.redact import Redaction
from vaultdash.data.vendors.retry import Pace, Retries

if TYPE_CHECKING:
    from pathlib import Path

    from vaultdash.data.request import DataRequest
    from vaultdash.errors import VaultdashError
    from vaultdash.market import Window

    T = TypeVar("T")

# What the client raises: its own errors and those of `requests` (an OSError), and what its own slips turn answers into
# that it did not expect (an AttributeError for a list, a ValueError for no JSON or an empty file, ...).
SLIPS = (OSError, ValueError, AttributeError, TypeError, LookupError, RuntimeError, EOFError)
METADATA_PER_SECOND = 20
SUBMITS_PER_MINUTE = 20

log = logging.getLogger(__name__)
_one_at_a_time = RLock()  # the warnings filter, which is caught around every call, belongs to the whole process


@dataclass(kw_only=True)
class Calls:
    """The client behind one door. `make_client` builds it at the first call; `its_errors` are the classes it raises."""

    make_client: Callable[[], Any]
    its_errors: Callable[[], tuple[type[Exception], ...]]
    redaction: Redaction
    retries: Retries
    timeout: float
    submit_pace: Pace = field(init=False)
    _pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        clock = self.retries.clock
        self._pace = Pace(per_second=METADATA_PER_SECOND, burst=METADATA_PER_SECOND, clock=clock)
        self.submit_pace = Pace(per_second=SUBMITS_PER_MINUTE / 60, burst=SUBMITS_PER_MINUTE, clock=clock)

    def asked(
        self,
        what: str,
        *,
        request: DataRequest | None = None,
        dataset: str = "",
        window: Window | None = None,
        path: Path | None = None,
    ) -> Asked:
        """Say what a call asks for, as its failures will name it."""
        return Asked(
            what=self.redaction.clean(what),
            redaction=self.redaction,
            timeout=self.timeout,
            dataset=request.series.dataset if request else dataset,
            window=request.window if request else window,
            path=path,
        )

    def ask(self, call: Callable[[Any], T], asked: Asked, *, may_repeat: Callable[[], bool] = lambda: True) -> T:
        """Call the vendor at its pace, again where that may help. Raises VendorError, or OutputNotWrittenError."""
        return self.retries.run(lambda: self.once(call, asked), may_repeat=may_repeat)

    def once(self, call: Callable[[Any], T], asked: Asked) -> T:
        """Call the vendor once. What the client raises becomes a failure of ours, what it warns of a log line."""
        self._pace.wait()
        client = self._client
        expected: tuple[type[Exception], ...] = (*self.its_errors(), *SLIPS)
        failure: VaultdashError | None = None
        # The client leaves files open where it fails; they are closed, with a ResourceWarning, before this block ends.
        with _one_at_a_time, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                answer = call(client)
            except expected as error:
                failure = failure_of(error, asked)
        for one in said:
            if one.category.__module__.startswith("databento."):
                log.warning("%s: %s", asked.what, self.redaction.clean(str(one.message)))
        if failure is not None:
            # Out here, so that the client's exception, which holds the key, is not in the new one's context.
            raise failure
        return answer

    @cached_property
    def _client(self) -> Any:
        return self.make_client()
