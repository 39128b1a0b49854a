from __future__ import annotations

import errno
import os
from datetime import timedelta
from math import nan
from pathlib import Path
from typing import Any

import pytest

from tests.data.store_world import (
    BARS,
    EVER,
    NOW,
    TRADES,
    admit_and_die,
    asked,
    days,
    disk_that,
    fetch,
    files_of,
    month,
    run,
    some_part,
    states,
    store_at,
)
from vaultdash.data.store.store import Store
from vaultdash.data.store.upkeep import size_of
from vaultdash.data.store.verification import Finding
from vaultdash.data.store.writer import series_lock
from vaultdash.errors import (
    ImpossibleValueError,
    OptionsConflictError,
    StoreBusyError,
    StoreDamagedError,
    StoreNotWrittenError,
    StoreUnreadableError,
)

YEAR = asked("2022-01-01", "2022-04-30")
BARS_FOLDER = "databento/ARCX.PILLAR/ohlcv-1d/raw_symbol/GLD"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = store_at(tmp_path / "home")
    fetch(store, YEAR)
    fetch(store, asked("2022-01-03", "2022-01-04", TRADES), usd=1.5, rows=0)
    return store


def use(store: Store, name: str, days_ago: float) -> None:
    """Let a record of bars be last read some days ago."""
    (path,) = store.folder.glob(f"{BARS_FOLDER}/{name}.*.dbn.zst")
    moment = (NOW - timedelta(days=days_ago)).timestamp()
    os.utime(path, (moment, moment))


# List and size


def test_holdings(store: Store) -> None:
    fetch(store, asked("2022-05-01", "2022-05-31"), days("2010-01-01", "2022-05-09"))
    bars, trades = store.holdings()
    assert (bars.series, bars.records, bars.rows, bars.quoted_usd) == (BARS, 5, 10, 1.25)
    assert [str(window) for window in bars.covered] == ["2022-01-01..2022-05-10"]
    assert (trades.series, trades.records, trades.rows, trades.quoted_usd) == (TRADES, 2, 0, 3.0)
    assert [str(window) for window in trades.covered] == ["2022-01-03..2022-01-05"]
    assert (bars.damaged, trades.damaged) == ((), ())
    sizes = sum(path.stat().st_size for path in store.folder.rglob("*.dbn.zst"))
    assert bars.size + trades.size == store.size().records == sizes
    assert (store.size().quarantine, store.size().incoming) == (0, 0)


def test_holdings_of_nothing(tmp_path: Path) -> None:
    empty = store_at(tmp_path / "none")
    assert empty.holdings() == ()
    assert list(empty.verify()) == []
    assert empty.clear(preview=False).size == 0
    assert not empty.folder.exists()


def test_holdings_name_what_cannot_be_read_and_go_on(store: Store) -> None:
    path = store.folder / BARS_FOLDER / "2022-02.json"
    path.write_text("{")
    bars, _ = store.holdings()
    assert bars.damaged == (path,)
    assert [str(window) for window in bars.covered] == ["2022-01-01..2022-02-01", "2022-03-01..2022-05-01"]


def test_holdings_of_a_record_that_is_gone(store: Store) -> None:
    for record in store.records(YEAR):
        record.path.unlink()
    bars, _ = store.holdings()
    assert (bars.records, bars.last_used) == (4, None)
    assert len(store.prune(older_than_days=0).records) == 0
    assert size_of(store.folder / "gone") == 0


def test_reading_is_using(store: Store) -> None:
    for name, ago in (("2022-01", 100), ("2022-02", 100), ("2022-03", 0.5), ("2022-04", -30)):
        use(store, name, ago)
    store.records(asked("2022-02-01", "2022-04-30"))
    ages = {
        path.name[:7]: (NOW.timestamp() - path.stat().st_mtime) / 86_400
        for path in (store.folder / BARS_FOLDER).glob("*.dbn.zst")
    }
    assert ages == pytest.approx({"2022-01": 100, "2022-02": 0, "2022-03": 0.5, "2022-04": 0})
    assert store.holdings()[0].last_used == NOW


# Verify


def test_what_is_whole_verifies(store: Store) -> None:
    findings = list(store.verify())
    assert [finding.state for finding in findings] == ["ok"] * 6
    assert {finding.path for finding in findings} == set(store.folder.rglob("*.dbn.zst"))


def test_damage_goes_to_quarantine_and_is_a_gap_from_then_on(store: Store) -> None:
    shorter, other, gone, whole = store.records(YEAR)
    shorter.path.write_bytes(b"short")
    other.path.write_bytes(b"X" * other.manifest.size)
    gone.path.unlink()
    stray = whole.path.with_name("2022-04.0.0123456789ab.dbn.zst")
    stray.write_bytes(b"a record that no manifest names")

    wrong = [finding for finding in store.verify() if finding.state != "ok"]
    assert [(finding.path, finding.state) for finding in wrong] == [
        (shorter.path, "damaged"),
        (other.path, "damaged"),
        (gone.path, "missing"),
        (stray, "unlisted"),
    ]
    assert {finding.series for finding in wrong} == {BARS}
    assert [finding.reason for finding in wrong][:2] == [
        "it holds 5 bytes and not 78",
        "its bytes are not those that were bought (sha256)",
    ]
    quarantine = store.folder / "quarantine" / BARS_FOLDER
    assert sorted(path.name for path in quarantine.iterdir()) == sorted(
        [shorter.path.name, f"{shorter.path.name}.json", other.path.name, f"{other.path.name}.json", stray.name]
    )
    assert [finding.moved_to for finding in wrong if finding.moved_to] == [
        quarantine / shorter.path.name,
        quarantine / other.path.name,
        quarantine / stray.name,
    ]
    assert (quarantine / shorter.path.name).read_bytes() == b"short"
    assert store.size().quarantine > 0

    assert states(store) == ["ok"] * 3
    assert [str(gap.request.window) for gap in store.gaps(YEAR, EVER)] == ["2022-01-01..2022-04-01"]
    fetch(store, YEAR)
    assert states(store) == ["ok"] * 6


def test_a_second_damage_does_not_cover_the_first(store: Store) -> None:
    for content in (b"one", b"two"):
        (record,) = store.records(asked("2022-01-01", "2022-01-31"))
        record.path.write_bytes(content)
        assert states(store).count("damaged") == 1
        fetch(store, YEAR)
    kept = (store.folder / "quarantine" / BARS_FOLDER).glob("2022-01.0.*")
    assert sorted(path.read_bytes() for path in kept if "json" not in path.name) == [b"one", b"two"]


def test_one_record_of_a_month_is_damaged_and_the_other_stays(store: Store) -> None:
    may = asked("2022-05-01", "2022-05-31")
    fetch(store, may, days("2010-01-01", "2022-05-09"))
    fetch(store, may)
    first, second = store.records(may)
    first.path.write_bytes(b"")
    assert states(store).count("damaged") == 1
    assert store.records(may) == (second,)
    assert [gap.request.window for gap in store.gaps(may, EVER)] == [first.manifest.covered]


def test_a_damaged_manifest_goes_to_quarantine_with_the_records_it_named(store: Store) -> None:
    (record,) = store.records(asked("2022-02-01", "2022-02-28"))
    manifest = store.folder / BARS_FOLDER / "2022-02.json"
    manifest.write_text(manifest.read_text()[:100])
    wrong = [finding for finding in store.verify() if finding.state != "ok"]
    assert [(finding.path, finding.state) for finding in wrong] == [(manifest, "damaged"), (record.path, "unlisted")]
    assert "invalid json" in wrong[0].reason
    moved = wrong[1].moved_to
    assert moved is not None
    assert moved.read_bytes().startswith(b"databento")
    assert [str(gap.request.window) for gap in store.gaps(YEAR, EVER)] == ["2022-02-01..2022-03-01"]


def test_what_cannot_be_read_is_not_taken_for_damage(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = store.records(asked("2022-02-01", "2022-02-28"))
    real_open = Path.open

    def refuse(path: Path, *args: object, **options: object) -> object:
        if path == record.path:
            raise PermissionError(13, "Permission denied")
        return real_open(path, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    (finding,) = [finding for finding in store.verify() if finding.state != "ok"]
    assert (finding.path, finding.state, finding.moved_to) == (record.path, "unreadable", None)
    assert "permission denied" in finding.reason
    assert record.path.exists()
    with pytest.raises(StoreUnreadableError, match="cannot be read: permission denied"):
        store.records(YEAR, rehash=True)


def test_a_damaged_note_goes_to_quarantine_and_the_series_can_be_written_again(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    run(admit_and_die, tmp_path, 2, ("replace",))
    (note,) = store.folder.glob("incoming/*/admission.json")
    note.write_text("{")
    with pytest.raises(StoreDamagedError, match=r"admission.json is damaged"):
        fetch(store, YEAR)
    findings = list(store.verify())
    assert len(findings) == 5
    assert {(finding.state, finding.series) for finding in findings} == {("damaged", None)}
    fetch(store, YEAR)
    assert states(store) == ["ok"] * 4


def test_verify_waits_for_no_writer_where_nothing_is_wrong(store: Store) -> None:
    with store.writing(BARS) as writer:
        some_part(writer, month("2022-05"))
        assert [finding.state for finding in store.verify(timeout=0)] == ["ok"] * 6
        store.records(YEAR)[0].path.unlink()
        with pytest.raises(StoreBusyError):
            list(store.verify(timeout=0))
    assert states(store).count("missing") == 1


def test_verify_of_a_store_that_changes_meanwhile(store: Store) -> None:
    findings: list[Finding] = []
    checking = store.verify()
    findings.append(next(checking))
    (record,) = store.records(asked("2022-03-01", "2022-03-31"))
    store.clear([BARS], preview=False)
    findings += checking
    assert record.path not in {finding.path for finding in findings}
    assert {finding.state for finding in findings} == {"ok"}


def test_what_is_put_back_before_the_second_look_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    restored, removed, _, _ = store.records(YEAR)
    content = restored.path.read_bytes()
    restored.path.write_bytes(b"for a moment")
    removed.path.write_bytes(b"for good")

    def lock(*args: Any, **options: Any) -> Any:
        monkeypatch.undo()
        restored.path.write_bytes(content)
        (removed.path.with_name("2022-02.json")).unlink()
        removed.path.unlink()
        return series_lock(*args, **options)

    monkeypatch.setattr("vaultdash.data.store.verification.series_lock", lock)
    assert states(store) == ["ok"] * 5
    assert store.size().quarantine == 0


def test_a_manifest_damaged_under_an_admission_cut_short(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    fetch(store, asked("2022-01-01", "2022-01-31"))
    run(admit_and_die, tmp_path, 3, ("replace",))
    (store.folder / BARS_FOLDER / "2022-01.json").write_text("{")
    assert sorted(states(store)) == ["damaged", "unlisted", "unlisted", "unlisted", "unlisted", "unlisted"]
    fetch(store, YEAR)
    assert states(store) == ["ok"] * 4


def test_damage_is_taken_out_whole_though_the_disk_fails_on_the_way(tmp_path: Path) -> None:
    at = 0
    was_refused = True
    while was_refused:
        at += 1
        store = store_at(tmp_path / str(at))
        fetch(store, YEAR)
        (record,) = store.records(asked("2022-02-01", "2022-02-28"))
        record.path.write_bytes(b"damaged")
        was_refused = fails_to_verify(store, at)
        assert "ok" in states(store)
        assert [str(gap.request.window) for gap in store.gaps(YEAR, EVER)] == ["2022-02-01..2022-03-01"]
        kept = store.folder / "quarantine" / BARS_FOLDER / record.path.name
        assert kept.read_bytes() == b"damaged"
        assert kept.with_name(f"{kept.name}.json").exists()
        assert states(store) == ["ok"] * 3
    assert at > 15


def fails_to_verify(store: Store, at: int) -> bool:
    """Verify on a disk of which one call fails; whether that was told."""
    count = 0

    def act(number: int) -> None:
        nonlocal count
        count = number
        if number == at:
            raise OSError(errno.ENOSPC, "no space left on device")

    try:
        with disk_that(act):
            states(store)
    except StoreNotWrittenError:
        return True
    return count >= at


# Prune


def test_prune_by_age_takes_what_was_not_read_for_so_long(store: Store) -> None:
    for name, ago in (("2022-01", 400), ("2022-02", 30), ("2022-03", 31), ("2022-04", 1)):
        use(store, name, ago)
    before = files_of(store)
    preview = store.prune(older_than_days=30)
    assert preview.is_preview
    assert [record.partition.name for record in preview.records] == ["2022-01", "2022-03"]
    assert preview.size == sum(record.path.stat().st_size for record in preview.records)
    assert files_of(store) == before

    done = store.prune(older_than_days=30, preview=False)
    assert (done.records, done.size, done.is_preview) == (preview.records, preview.size, False)
    assert [record.partition.name for record in store.records(YEAR)] == ["2022-02", "2022-04"]
    assert len(files_of(store)) == len(before) - 4
    assert states(store) == ["ok"] * 4
    assert store.prune(older_than_days=30, preview=False).records == ()


def test_prune_by_size_takes_the_least_recently_read(store: Store) -> None:
    for name, ago in (("2022-01", 10), ("2022-02", 40), ("2022-03", 20), ("2022-04", 30)):
        use(store, name, ago)
    limit = store.size().records - 79
    assert [each.partition.name for each in store.prune(larger_than_bytes=limit).records] == ["2022-02", "2022-04"]
    store.prune(larger_than_bytes=limit, preview=False)
    assert store.size().records <= limit
    assert store.prune(larger_than_bytes=store.size().records, preview=False).records == ()
    assert len(store.prune(larger_than_bytes=0, preview=False).records) == 4
    assert files_of(store) == set()
    assert store.holdings() == ()


def test_prune_takes_one_record_of_a_month(store: Store) -> None:
    may = asked("2022-05-01", "2022-05-31")
    fetch(store, may, days("2010-01-01", "2022-05-09"))
    first = store.records(may)[0]
    fetch(store, may)
    os.utime(first.path, (0, 0))
    assert store.prune(older_than_days=1_000, preview=False).records == (first,)
    assert [gap.request.window for gap in store.gaps(may, EVER)] == [first.manifest.covered]


@pytest.mark.parametrize("options", [{}, {"older_than_days": 1, "larger_than_bytes": 1}])
def test_prune_needs_an_age_or_a_size(store: Store, options: dict[str, int]) -> None:
    with pytest.raises(OptionsConflictError, match="either an age or a size"):
        store.prune(preview=False, **options)


def test_prune_refuses_what_is_below_zero(store: Store) -> None:
    with pytest.raises(ImpossibleValueError, match="older_than_days is nan"):
        store.prune(older_than_days=nan, preview=False)
    with pytest.raises(ImpossibleValueError, match="larger_than_bytes is -1"):
        store.prune(larger_than_bytes=-1, preview=False)


def test_nothing_expires_by_itself(store: Store) -> None:
    much_later = store_at(store.folder.parent, NOW + timedelta(days=20_000))
    assert much_later.gaps(YEAR, EVER) == ()
    assert len(much_later.records(YEAR)) == 4


# Clear


def test_clear_removes_what_the_store_wrote_and_nothing_else(store: Store) -> None:
    (record,) = store.records(asked("2022-02-01", "2022-02-28"))
    record.path.write_bytes(b"damaged")
    assert states(store).count("damaged") == 1
    foreign = [
        store.folder / "notes.txt",
        store.folder / BARS_FOLDER / "my notes.txt",
        store.folder / BARS_FOLDER / "2022-01.csv",
        store.folder / "databento" / "kept" / "2022-01.json",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    before = files_of(store)

    preview = store.clear()
    assert (preview.is_preview, len(preview.records), len(preview.others)) == (True, 5, 2)
    assert files_of(store) == before
    done = store.clear(preview=False)
    assert (done.records, done.others, done.size) == (preview.records, preview.others, preview.size)
    assert not done.is_preview
    assert files_of(store) == {path.relative_to(store.folder).as_posix() for path in foreign}
    assert not (store.folder / "databento" / "GLBX.MDP3").exists()
    assert store.holdings() == ()


def test_clear_of_one_series_leaves_the_others(store: Store) -> None:
    (store.folder / BARS_FOLDER / "2022-03.json").write_text("{")
    done = store.clear([BARS], preview=False)
    assert len(done.records) == 3
    assert len(done.others) == 2
    assert [holding.series for holding in store.holdings()] == [TRADES]
    assert not (store.folder / BARS_FOLDER).exists()
    assert store.clear([BARS], preview=False).records == ()


def test_clear_finishes_what_was_admitted_and_removes_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    fetch(store, asked("2022-01-01", "2022-01-31"))
    run(admit_and_die, tmp_path, 2, ("replace",))
    assert len(store.clear(preview=False).records) == 4
    assert files_of(store) == set()
