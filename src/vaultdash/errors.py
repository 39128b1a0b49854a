"""Every failure a person can meet, each a class that writes its own sentence.

VaultdashError
├── InvalidInputError              what was asked cannot be
│   ├── ImpossibleValueError       a field outside what its meaning allows
│   ├── LoanExceedsCollateralError
│   ├── DatesReversedError
│   ├── UnreadableValueError       a word that should have been a date, a number, a volatility ...
│   ├── UnknownNameError           a template, event or instrument nobody declared
│   ├── UnknownFieldError          a document with a field the type does not have, or without one it needs
│   ├── TemplateMisfitError        a template made for another underlying
│   ├── OptionsConflictError       two options that cannot go together, or one that needs another
│   ├── ParentSymbolError          a symbol that stands for many contracts, where one is needed
│   ├── ContractRuleMissingError   trades of several contracts without a rule that picks one
│   └── StrikeUnreachableError     a strike rule no strike satisfies
├── DataError                      the market history does not allow the run
│   ├── FileUnreadableError
│   │   └── DbnUnreadableError     a DBN file that is cut, damaged, or not one
│   ├── AdmissionError             a download that is not what was asked for
│   ├── NoClosesError              bars that leave no daily close
│   ├── ColumnMissingError
│   ├── SideMissingError           trades without a column that says who crossed the spread
│   ├── UnknownSideError           side letters other than B, A and N
│   ├── LateTradeError             a trade older than what was already handed on
│   ├── ContractAbsentError        a named contract that never traded
│   ├── ContractsUndefinedError    contracts of which nothing says whether they are spreads
│   ├── BadRowsError
│   ├── NoSessionError             a window in which the exchange did not open
│   ├── WindowNotCoveredError
│   ├── NotOfferedError            a dataset, schema or symbol that the source does not have
│   ├── DataNotHeldError           history that has to be bought first
│   ├── HistoryTooShortError       a look-back that reaches before the first close
│   ├── ScheduleTooLateError       a dated schedule that starts after the day it is asked for
│   ├── VolatilityTooLowError      closes, a skew or a term slope that leave no volatility
│   ├── MissingKeyError            a vendor that needs a key, and none that can be used
│   ├── MissingExtraError          a part of the installation that was left out
│   ├── CoverageError              a window that none of a vendor's datasets covers
│   └── VendorError                a vendor that refused, failed or could not be reached
│       ├── KeyRefusedError            401
│       ├── NoFundsError               402
│       ├── LicenceMissingError        403
│       ├── NothingThereError          404
│       ├── FilesGoneError             410
│       ├── RequestRefusedError        400, 422 and every other 4xx
│       │   ├── OutsideAvailableError      a window outside what the dataset holds
│       │   └── SymbolsUnresolvedError     a symbol the dataset does not know
│       │       └── ClosedWindowError          ... in a window without a session
│       ├── RateLimitedError           429
│       ├── VendorFailedError          5xx
│       ├── VendorUnreachableError     no connection, or one that broke before an answer
│       │   └── VendorTimeoutError         a connection that fell silent
│       ├── CertificateUntrustedError
│       ├── UnreadableAnswerError      an answer that is not what the vendor answers
│       ├── DownloadCutError           an answer that broke off
│       ├── DownloadDamagedError       a file that is not the one the vendor described
│       └── JobNotReadyError           a batch job that takes longer than we wait
├── StoreError                     history held on disk that cannot be used as it is
│   ├── StoreUnreadableError
│   ├── StoreNotWrittenError
│   ├── StoreDamagedError          a record or a manifest that is not as it was written
│   ├── StoreBusyError             another process that writes the same series
│   ├── LocksMissingError          a system without the locks that the store is written under
│   ├── NewerFormatError           a file that a newer vaultdash wrote
│   └── RecordsOverlapError        a record that would lie half over another
├── SpendError                     money that was not spent, or may have been
│   ├── UnknownPriceError
│   ├── SpendLimitError
│   ├── PriceRoseError             a price that rose between being shown and being paid
│   └── SpendLedgerUnusableError
├── OutputNotWrittenError          an export that could not be written
└── BrokenInvariantError           a mistake of ours, never of the person's
    ├── LookAheadError
    ├── ReservationClosedError     money settled or released twice
    └── BooksDoNotBalanceError
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

SHOWN_ROWS = 5


class VaultdashError(Exception):
    """Base of every failure; `str()` is a sentence for a person."""


class InvalidInputError(VaultdashError):
    """What was asked cannot be: the request has to change."""


class ImpossibleValueError(InvalidInputError):
    """A field holds a value its meaning does not allow."""

    def __init__(self, *, owner: str, field: str, value: object, must: str, remedy: str = "") -> None:
        self.owner = owner
        self.field = field
        tail = f" {remedy}" if remedy else ""
        super().__init__(f"{owner}: {field} is {value!r}, but it must {must}.{tail}")


class LoanExceedsCollateralError(InvalidInputError):
    """A loan at or over the value of the gold behind it."""

    def __init__(self, *, loan_amount: float, underlying_units: float, entry_spot: float) -> None:
        self.field = "loan_amount"
        worth = underlying_units * entry_spot
        super().__init__(
            f"The loan of {loan_amount:,.2f} USD is not below the collateral: {underlying_units:,g} units at "
            f"{entry_spot:,.2f} are worth {worth:,.2f} USD. Lower the loan, add units, or set another start price "
            f"(--entry-spot)."
        )


class DatesReversedError(InvalidInputError):
    """A window whose start comes after its end."""

    def __init__(self, *, start: date, end: date) -> None:
        super().__init__(f"The window starts on {start}, after its end on {end}. Swap the two dates.")


class UnreadableValueError(InvalidInputError):
    """A word that cannot be read as what it should be."""

    def __init__(self, *, what: str, text: str, expected: str) -> None:
        super().__init__(f"{what}: {text!r} cannot be read. Write {expected}.")


class UnknownNameError(InvalidInputError):
    """A name that nobody declared."""

    def __init__(self, *, kind: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__(f"There is no {kind} named {name!r}. Known: {', '.join(sorted(known))}.")


class UnknownFieldError(InvalidInputError):
    """A document whose fields are not those of the type it should be."""

    def __init__(self, *, document: str, problems: Sequence[str]) -> None:
        super().__init__(f"{document} cannot be used: {'; '.join(problems)}.")


class TemplateMisfitError(InvalidInputError):
    """A template made for another underlying."""

    def __init__(self, *, slug: str, made_for: str, symbol: str) -> None:
        super().__init__(
            f"Template {slug!r} is made for {made_for}, not for {symbol}. Leave it out, or choose another."
        )


class OptionsConflictError(InvalidInputError):
    """Options that cannot go together, or one that needs another."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")


class ContractRuleMissingError(InvalidInputError):
    """Trades of several contracts, and no rule that picks one of them."""

    def __init__(self, *, instrument_ids: Sequence[int]) -> None:
        shown = ", ".join(map(str, instrument_ids[:SHOWN_ROWS]))
        super().__init__(
            f"The trades hold several contracts at once (instrument ids {shown}), as a parent symbol such as ES.FUT "
            f"does, and their prices cannot share a bar. Choose the front contract by the previous session's volume, "
            f"name one contract, or ask for a continuous symbol such as ES.v.0."
        )


class StrikeUnreachableError(InvalidInputError):
    """A strike rule that no strike satisfies."""

    def __init__(self, *, rule: str, day: date, reason: str) -> None:
        super().__init__(f"No strike satisfies {rule} on {day}: {reason}. Choose another value for the strike rule.")


class ParentSymbolError(InvalidInputError):
    """A parent symbol, which stands for every contract of a root, where one price a moment is needed."""

    def __init__(self, *, symbol: str) -> None:
        root, _, kind = symbol.partition(".")
        remedy = (
            "Name one contract." if kind == "OPT" else f"Use {root}.v.0, the one with the most volume, or name one."
        )
        super().__init__(f"{symbol} stands for every contract of {root}, so it has no single price. {remedy}")


class DataError(VaultdashError):
    """The market history at hand does not allow the run."""


class FileUnreadableError(DataError):
    """A file that is absent, or not what its name says."""

    def __init__(self, *, path: Path, reason: str, remedy: str) -> None:
        super().__init__(f"{path} cannot be read: {reason}. {remedy}")


class DbnUnreadableError(FileUnreadableError):
    """A DBN file that is cut, damaged, or not one; `fault` is the kind of it in a word, `reason` says it in full."""

    def __init__(self, *, path: Path, fault: str, reason: str, remedy: str) -> None:
        self.fault = fault
        self.reason = reason
        super().__init__(path=path, reason=reason, remedy=remedy)


class AdmissionError(DataError):
    """A download that is not what was asked for; `fault` is the kind of it in a word, `reason` says it in full."""

    def __init__(self, *, path: Path, fault: str, reason: str) -> None:
        self.fault = fault
        self.reason = reason
        super().__init__(f"The download {path.name} was not admitted: {reason}. Fetch it again.")


class NoClosesError(DataError):
    """Bars that leave no daily close."""

    def __init__(self, *, what: str, reason: str) -> None:
        super().__init__(f"{what} gives no daily close: {reason}. Choose another window, schema or dataset.")


class ColumnMissingError(DataError):
    """A file without a column that is needed."""

    def __init__(self, *, path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
        super().__init__(
            f"{path} has no column {' or '.join(repr(name) for name in wanted)}; it has: "
            f"{', '.join(found) or 'nothing'}. Rename the column, or export the file again with a header row."
        )


class SideMissingError(DataError):
    """Trades without a column that says who crossed the spread."""

    def __init__(self) -> None:
        super().__init__(
            "The trades have no side column, so nothing says who crossed the spread. Give the column (B for a buyer, "
            "A for a seller, N for not given), or fill it with N and classify the trades by the tick rule."
        )


class UnknownSideError(DataError):
    """Side letters other than B, A and N."""

    def __init__(self, *, letters: Sequence[tuple[str, int]]) -> None:
        shown = ", ".join(f"{letter!r} on {count:,} rows" for letter, count in letters[:SHOWN_ROWS])
        super().__init__(
            f"The side column holds letters that are not B, A or N: {shown}. Write B where a buyer crossed the spread, "
            f"A where a seller did, and N where it is not given; check that the column is not another one."
        )


class LateTradeError(DataError):
    """A trade older than what was already handed on, so that it can no longer be put in its place."""

    def __init__(self, *, ts_recv: int, handed_on: int) -> None:
        super().__init__(
            f"A trade of ts_recv {ts_recv} arrived after trades up to {handed_on} had been used. "
            f"Sort the rows by ts_recv, or hand them over in larger pieces."
        )


class ContractAbsentError(DataError):
    """A named contract that never traded in the trades at hand."""

    def __init__(self, *, instrument_id: int, held: Sequence[int]) -> None:
        shown = ", ".join(map(str, held[:SHOWN_ROWS])) or "none"
        super().__init__(
            f"Contract {instrument_id} has no trade here; the trades are of: {shown}. "
            f"Name one of these, or choose the front contract by the previous session's volume."
        )


class ContractsUndefinedError(DataError):
    """Contracts of which neither a definition nor a symbol says whether they are spreads."""

    def __init__(self, *, instrument_ids: Sequence[int]) -> None:
        shown = ", ".join(map(str, instrument_ids[:SHOWN_ROWS]))
        super().__init__(
            f"Nothing says whether contracts {shown} are spreads. Give the definitions (instrument_class) or the raw "
            f"symbols of the parent, or name one contract."
        )


class BadRowsError(DataError):
    """Rows that cannot be repaired without guessing."""

    def __init__(self, *, path: Path, rows: Sequence[tuple[int, str]], remedy: str) -> None:
        self.rows = tuple(rows)
        shown = "; ".join(f"line {line}: {reason}" for line, reason in rows[:SHOWN_ROWS])
        more = f"; and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
        count = f"{len(rows)} row{'s' if len(rows) != 1 else ''}"
        super().__init__(f"{path} has {count} that cannot be used: {shown}{more}. {remedy}")


class NoSessionError(DataError):
    """A window in which the exchange did not open."""

    def __init__(self, *, calendar: str, start: date, end: date) -> None:
        super().__init__(
            f"The exchange ({calendar}) holds no session from {start} to {end}. Choose a window with a trading day."
        )


class WindowNotCoveredError(DataError):
    """A window that the source's history does not reach."""

    def __init__(self, *, source: str, symbol: str, asked: str, held: str) -> None:
        super().__init__(
            f"{source} does not cover {asked} for {symbol}: it holds {held}. "
            f"Choose a window inside that, or another source."
        )


class NotOfferedError(DataError):
    """A dataset, a schema or a symbol that the source does not have."""

    def __init__(self, *, source: str, what: str, asked: str, offered: Iterable[str]) -> None:
        self.asked = asked
        super().__init__(f"{source} has no {what} named {asked!r}. It offers: {', '.join(offered)}.")


class DataNotHeldError(DataError):
    """History that has to be bought first; nothing is bought without being asked for."""

    def __init__(self, *, what: str, usd: float | None, because: str, remedy: str) -> None:
        self.usd = usd
        price = f"its price is not known ({because})" if usd is None else f"what is missing costs {usd:,.4f} USD"
        super().__init__(f"{what} is not held, and {price}. {remedy}")


class HistoryTooShortError(DataError):
    """A look-back that reaches before the first close held."""

    def __init__(self, *, day: date, needed: int, held: int) -> None:
        super().__init__(
            f"A trailing volatility over {needed} sessions needs {needed + 1} closes up to {day}, but only {held} are "
            f"held. Start later, shorten the look-back, or give the file more history before the window."
        )


class ScheduleTooLateError(DataError):
    """A dated schedule that starts after the day it is asked for."""

    def __init__(self, *, name: str, first: date, day: date) -> None:
        super().__init__(
            f"{name} starts on {first} and says nothing of {day}. Start the window on or after {first}, "
            f"or give a schedule that reaches further back."
        )


class VolatilityTooLowError(DataError):
    """A volatility that fell to nothing, or below it."""

    def __init__(self, *, day: date, volatility: float, strike: float | None = None) -> None:
        where = f"on {day}" if strike is None else f"for strike {strike:,.2f} on {day}"
        super().__init__(
            f"The volatility {where} comes out at {volatility:.6f}, too low to price with. Use a smaller skew or "
            f"term slope, or check the closes or the volatility schedule before that date."
        )


class MissingKeyError(DataError):
    """A vendor that needs a key, and none that can be used."""

    def __init__(self, *, vendor: str, variable: str, problem: str) -> None:
        super().__init__(
            f"{vendor} needs a key: {problem}. Set {variable} in the environment or in a file named .env; nothing was "
            f"asked and nothing was spent. The sample market (source sample) works without a key."
        )


class MissingExtraError(DataError):
    """A part of the installation that was left out."""

    def __init__(self, *, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs a package that is not installed. Run: python -m pip install 'vaultdash[{extra}]'."
        )


class CoverageError(DataError):
    """A window that none of the datasets asked covers."""

    def __init__(
        self, *, symbol: str, schema: str, asked: str, held: Sequence[str], others: Sequence[str], on_yahoo: str | None
    ) -> None:
        self.others = tuple(others)
        remedies = []
        if others:
            remedies.append(f"{' and '.join(others)} would cover it")
        if on_yahoo:
            remedies.append(f"Yahoo may (source yahoo, {on_yahoo}: free daily bars)")
        remedy = "; ".join(remedies) if remedies else "Choose a window inside that"
        super().__init__(
            f"{symbol} {schema} over {asked} is not covered, and nothing was bought: {'; '.join(held)}. {remedy}."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorAnswer:
    """What may be told of a vendor's refusal: its status, case and request id, its words, the seconds it asks for."""

    vendor: str = "Databento"
    status: int | None = None
    case: str = ""
    request_id: str = ""
    words: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        request = f"request {self.request_id}" if self.request_id else ""
        told = ", ".join(filter(None, (f"HTTP {self.status}" if self.status else "", self.case, request)))
        return f" ({told})" if told else ""

    @property
    def quoted(self) -> str:
        """The vendor's own words as the end of a clause."""
        return f': "{self.words}"' if self.words else ""


class VendorError(DataError):
    """A vendor that refused, failed or could not be reached. `is_transient` says whether asking again may help."""

    is_transient = False

    def __init__(self, sentence: str, *, answer: VendorAnswer | None = None) -> None:
        self.answer = answer or VendorAnswer()
        super().__init__(sentence)

    def after(self, attempts: int) -> VendorError:
        """Say how often it was tried."""
        self.args = (f"{self} It was tried {attempts} times.",)
        return self


class KeyRefusedError(VendorError):
    """A key the vendor does not know."""

    def __init__(self, *, answer: VendorAnswer) -> None:
        super().__init__(
            f"{answer.vendor} refused the key{answer}. Compare DATABENTO_API_KEY with the keys at "
            f"https://databento.com/portal/keys; the sample market works without one.",
            answer=answer,
        )


class NoFundsError(VendorError):
    """An account that cannot pay."""

    def __init__(self, *, answer: VendorAnswer) -> None:
        super().__init__(
            f"The {answer.vendor} account has no funds for this{answer}; nothing was bought. Add funds at "
            f"https://databento.com/portal/billing, or ask for less.",
            answer=answer,
        )


class LicenceMissingError(VendorError):
    """Data the account is not licensed for."""

    def __init__(self, *, what: str, answer: VendorAnswer) -> None:
        super().__init__(
            f"The {answer.vendor} account is not licensed for {what}{answer}{answer.quoted}. Ask for the licence at "
            f"https://databento.com/portal, choose another dataset, or a window that ended more than a day ago.",
            answer=answer,
        )


class NothingThereError(VendorError):
    """Something the vendor does not have."""

    def __init__(self, *, what: str, answer: VendorAnswer) -> None:
        super().__init__(
            f"{answer.vendor} has nothing there for {what}{answer}{answer.quoted}. Check the names, and the gateway "
            f"if VAULTDASH_DATABENTO_GATEWAY is set.",
            answer=answer,
        )


class FilesGoneError(VendorError):
    """A batch job whose files the vendor has removed."""

    def __init__(self, *, what: str, answer: VendorAnswer) -> None:
        super().__init__(
            f"{answer.vendor} no longer keeps the files of {what}{answer}. They cannot be had again without buying "
            f"them again: ask for a new quote.",
            answer=answer,
        )


class RequestRefusedError(VendorError):
    """A request the vendor will not work on."""

    def __init__(self, *, what: str, answer: VendorAnswer, remedy: str = "Change the request.") -> None:
        super().__init__(f"{answer.vendor} refused {what}{answer}{answer.quoted}. {remedy}", answer=answer)


class OutsideAvailableError(RequestRefusedError):
    """A window outside what the vendor says the dataset holds."""

    def __init__(self, *, what: str, available: str, answer: VendorAnswer) -> None:
        self.available = available
        super().__init__(
            what=what, answer=answer, remedy=f"It holds {available}: choose a window inside that, or another dataset."
        )


class SymbolsUnresolvedError(RequestRefusedError):
    """Symbols that the dataset does not know in the window."""

    def __init__(
        self,
        *,
        what: str,
        answer: VendorAnswer,
        remedy: str = "Check the symbol, how it is named (stype_in) and the dataset; it may not have existed then.",
    ) -> None:
        super().__init__(what=what, answer=answer, remedy=remedy)


class ClosedWindowError(SymbolsUnresolvedError):
    """A window without a session, of which the vendor says that it knows no symbols."""

    def __init__(self, *, what: str, calendar: str, answer: VendorAnswer) -> None:
        super().__init__(
            what=what,
            answer=answer,
            remedy=f"The exchange ({calendar}) holds no session in this window, so there is nothing to buy; the "
            f"symbol itself may be right. Choose a window with a trading day.",
        )


class RateLimitedError(VendorError):
    """Too many requests in too short a time."""

    is_transient = True

    def __init__(self, *, answer: VendorAnswer) -> None:
        wait = "a minute" if answer.retry_after is None else f"{answer.retry_after:,.0f} s"
        super().__init__(
            f"{answer.vendor} takes no more requests for now{answer}. Wait {wait} and ask again.", answer=answer
        )


class VendorFailedError(VendorError):
    """A failure on the vendor's side."""

    is_transient = True

    def __init__(self, *, answer: VendorAnswer) -> None:
        super().__init__(
            f"{answer.vendor} failed to answer{answer}. Ask again later, or for a shorter window; "
            f"https://status.databento.com tells of outages.",
            answer=answer,
        )


class VendorUnreachableError(VendorError):
    """No connection to the vendor, or one that broke before an answer."""

    is_transient = True

    def __init__(self, *, vendor: str, reason: str) -> None:
        super().__init__(
            f"{vendor} could not be reached: {reason}. Check the network and the proxy (HTTPS_PROXY, NO_PROXY); held "
            f"history and the sample market need neither.",
            answer=VendorAnswer(vendor=vendor),
        )


class VendorTimeoutError(VendorUnreachableError):
    """A vendor that fell silent."""

    def __init__(self, *, vendor: str, seconds: float) -> None:
        super().__init__(vendor=vendor, reason=f"it said nothing for {seconds:g} s")


class CertificateUntrustedError(VendorError):
    """A TLS certificate that nobody we trust has signed."""

    def __init__(self, *, vendor: str, reason: str) -> None:
        super().__init__(
            f"The connection to {vendor} is not trusted: {reason}. Behind a proxy or another gateway, let "
            f"REQUESTS_CA_BUNDLE name a file with its certificate authority; nothing was sent.",
            answer=VendorAnswer(vendor=vendor),
        )


class UnreadableAnswerError(VendorError):
    """An answer that is not what the vendor answers."""

    def __init__(self, *, vendor: str, what: str, reason: str) -> None:
        super().__init__(
            f"The answer to {what} is not one that {vendor} gives: {reason}. A sign-in page of the network or a "
            f"proxy may stand between; check that, and the gateway if one is set.",
            answer=VendorAnswer(vendor=vendor),
        )


class DownloadCutError(VendorError):
    """An answer that broke off. The vendor charges for the bytes it sent, so that it is not asked again unbidden."""

    def __init__(self, *, vendor: str, what: str, received: int) -> None:
        self.received = received
        super().__init__(
            f"The download of {what} broke off after {received:,} bytes and was not kept. {vendor} may charge for "
            f"what it sent; fetch again to buy it whole.",
            answer=VendorAnswer(vendor=vendor),
        )


class DownloadDamagedError(VendorError):
    """A file that is not the one the vendor described."""

    def __init__(self, *, vendor: str, what: str, reason: str) -> None:
        super().__init__(
            f"What arrived for {what} is damaged: {reason}. Nothing of it was kept; fetch again, which costs nothing "
            f"more for a job that {vendor} still keeps.",
            answer=VendorAnswer(vendor=vendor),
        )


class JobNotReadyError(VendorError):
    """A batch job that takes longer than we wait."""

    def __init__(self, *, vendor: str, job_id: str, state: str, seconds: float) -> None:
        self.job_id = job_id
        super().__init__(
            f"{vendor} has not finished job {job_id} ({state}) in {seconds:,.0f} s. It is paid for and remembered: "
            f"fetch again later, and the same job is picked up.",
            answer=VendorAnswer(vendor=vendor),
        )


class StoreError(VaultdashError):
    """History held on disk that cannot be used as it is."""


class StoreUnreadableError(StoreError):
    """A file of the store that the system will not let us read."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"The store's {path} cannot be read: {reason}. Check who may read it, and the disk; nothing was changed."
        )


class StoreNotWrittenError(StoreError):
    """A file of the store that could not be written."""

    def __init__(self, *, path: Path, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The store's {path} could not be written: {reason}. Free some space, or check who may write there "
            f"(VAULTDASH_HOME sets another place), and try again; what was held before is whole."
        )


class StoreDamagedError(StoreError):
    """A record or a manifest that is not as it was written."""

    def __init__(self, *, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(
            f"The store's {path} is damaged: {reason}. Nothing is bought again unasked: verify the store, which puts "
            f"damage into quarantine, and ask for a quote of what is then missing."
        )


class StoreBusyError(StoreError):
    """Another process that writes what we would write."""

    def __init__(self, *, what: str, seconds: float) -> None:
        super().__init__(
            f"Another process is writing {what}, and was not done after {seconds:g} s. Wait for it, or stop it; "
            f"what it has written whole stays."
        )


class LocksMissingError(StoreError):
    """A system without the locks that the store is written under."""

    def __init__(self) -> None:
        super().__init__(
            "The store of history is written under a lock (flock) that this system does not have. Use Linux, macOS, "
            "or the Windows Subsystem for Linux; reading what is held works everywhere."
        )


class NewerFormatError(StoreError):
    """A file that a newer version of the program wrote."""

    def __init__(self, *, path: Path, found: int, known: int) -> None:
        super().__init__(
            f"{path} was written by a newer vaultdash (format {found}; this one knows {known}). "
            f"Update vaultdash; nothing was changed."
        )


class RecordsOverlapError(StoreError):
    """A record that would lie half over another."""

    def __init__(self, *, what: str, held: str, offered: str) -> None:
        super().__init__(
            f"{what} is held over {held}, and {offered} lies half over it. Fetch the missing part alone, or replace "
            f"all of what is held."
        )


class SpendError(VaultdashError):
    """Money that was not spent, or may have been."""


class UnknownPriceError(SpendError):
    """A purchase whose price could not be learned."""

    def __init__(self, *, what: str, reason: str) -> None:
        why = f" ({reason})" if reason else ""
        super().__init__(
            f"The price of {what} is unknown{why}, and nothing is bought at an unknown price. Ask for the quote again."
        )


class SpendLimitError(SpendError):
    """A purchase over a limit. Figures in USD; `raise_to` is the least that lets it pass when it is allowed."""

    def __init__(
        self,
        *,
        what: str,
        usd: float,
        limit: float,
        limit_name: str,
        spent: float,
        reserved: float,
        unsettled: float,
        raise_to: float,
    ) -> None:
        self.usd = usd
        self.raise_to = raise_to
        super().__init__(
            f"{what} is quoted at {_money(usd)} USD, with a limit of {_money(limit)} USD per {limit_name}. This month "
            f"{_money(spent)} USD are spent, {_money(reserved)} reserved by downloads under way and "
            f"{_money(unsettled)} of unknown outcome. Ask for less, or allow {_money(raise_to)} USD "
            f"(--allow-usd {raise_to:.2f}); nothing was bought."
        )


class PriceRoseError(SpendError):
    """A price that rose between being shown and being paid."""

    def __init__(self, *, what: str, shown: float, now: float) -> None:
        super().__init__(
            f"{what} was shown at {shown:,.4f} USD and now costs {now:,.4f} USD. Nothing was bought; ask again to see "
            f"the new price."
        )


class SpendLedgerUnusableError(SpendError):
    """A spend ledger that cannot be read or written, without which nothing is bought."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(
            f"The spend ledger {path} cannot be used: {reason}. Nothing is bought without it. Free some space, check "
            f"who may write there, or put back a copy; held history needs no ledger."
        )


class OutputNotWrittenError(VaultdashError):
    """An export that could not be written."""

    def __init__(self, *, path: Path, reason: str) -> None:
        super().__init__(f"{path} could not be written: {reason}. Choose another place, or free some space.")


class BrokenInvariantError(VaultdashError):
    """A mistake of ours: the run is stopped rather than shown."""


class LookAheadError(BrokenInvariantError):
    """Something dated after the engine's day was read."""

    def __init__(self, *, what: str, dated: date, now: date) -> None:
        super().__init__(
            f"{what} dated {dated} was read while the engine stood on {now}. The run is void; please report it."
        )


class ReservationClosedError(BrokenInvariantError):
    """Money that was settled or released twice."""

    def __init__(self, *, number: int, state: str) -> None:
        super().__init__(f"Download {number} of the spend ledger is {state} and cannot change. Please report it.")


class BooksDoNotBalanceError(BrokenInvariantError):
    """An identity of the books that failed after a run."""

    def __init__(self, *, identity: str, day: date | None, left: float, right: float) -> None:
        when = f" on {day}" if day else ""
        super().__init__(f"The books do not balance{when}: {identity} ({left!r} against {right!r}). Please report it.")


def _money(amount: float) -> str:
    """Whole cents as cents, and the rest as what they are: 1,234.50 or 0.002134."""
    if 0 < amount < 0.01:  # noqa: PLR2004 - a cent
        return f"{amount:.4g}"
    digits = f"{amount:,.6f}".rstrip("0")
    return max(digits, f"{amount:,.2f}", key=len)
