from __future__ import annotations

import errno
import os
import random
import resource
import time
from pathlib import Path

import pytest

from tests.data.store_world import (
    BARS,
    CHANGING_CALLS,
    TRADES,
    admit_and_die,
    asked,
    change,
    change_when_told,
    disk_that,
    fetch,
    fetch_together,
    files_of,
    hold_until_killed,
    month,
    processes,
    run,
    run_together,
    some_part,
    states,
    store_at,
)
from vaultdash.data.store.store import Store
from vaultdash.errors import StoreBusyError, StoreError, StoreNotWrittenError

YEAR_SO_FAR = asked("2022-01-01", "2022-04-30")
OLD, REVISED = b"January, as it was", b"January, revised"
KILLED = -9


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies loses nothing it has written, flushed or not; flushes are for power cuts."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)  # noqa: ARG005 - takes what fsync takes


def prepared(home: Path) -> Store:
    """A store that holds January."""
    store = store_at(home)
    with store.writing(BARS) as writer:
        writer.admit([some_part(writer, month("2022-01"), content=OLD)])
    return store


def has_note(store: Store) -> bool:
    return any(store.folder.glob("incoming/*/admission.json"))


def check_whole_and_finish(store: Store) -> None:
    """Everything held is whole; the change can be finished; nothing is left over, nothing admitted is bought again."""
    was_admitted = has_note(store)
    held_before = {record.partition.name for record in store.records(YEAR_SO_FAR, rehash=True)}
    assert "2022-01" in held_before
    assert set(states(store)) == {"ok"}
    january = store.records(asked("2022-01-01", "2022-01-31"))
    assert [record.path.read_bytes() for record in january] in ([OLD], [REVISED])
    if was_admitted:
        assert store.gaps(YEAR_SO_FAR, YEAR_SO_FAR.window) == ()
        assert january[0].path.read_bytes() == REVISED

    fetch(store, YEAR_SO_FAR)
    records = store.records(YEAR_SO_FAR, rehash=True)
    assert [record.partition.name for record in records] == ["2022-01", "2022-02", "2022-03", "2022-04"]
    series = "databento/ARCX.PILLAR/ohlcv-1d/raw_symbol/GLD"
    named = {f"{series}/{record.path.name}" for record in records}
    named |= {f"{series}/{record.partition.name}.json" for record in records}
    assert files_of(store) == named


def test_kill_at_every_call_to_the_disk(tmp_path: Path) -> None:
    at, outcomes = 0, set()
    while True:
        at += 1
        store = prepared(tmp_path / str(at))
        code = run(admit_and_die, tmp_path / str(at), at)
        outcomes.add((has_note(store), len(store.records(YEAR_SO_FAR))))
        check_whole_and_finish(store)
        if code == 0:
            break
        assert code == KILLED
    # It died before the note, after it, between two partitions, and with all of them there.
    assert {(False, 1), (True, 1), (True, 2), (True, 3), (True, 4), (False, 4)} <= outcomes
    assert at > 40


def test_kill_at_random_moments(tmp_path: Path) -> None:
    moments = random.Random(20)  # noqa: S311 - moments to kill at, no secret
    for number in range(50):
        store = prepared(tmp_path / str(number))
        ours, theirs = processes.Pipe(duplex=False)
        process = processes.Process(target=change_when_told, args=(tmp_path / str(number), theirs))
        process.start()
        ours.recv()
        time.sleep(moments.uniform(0, 0.04))
        process.kill()
        process.join(timeout=60)
        ours.close()
        theirs.close()
        check_whole_and_finish(store)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_an_error_at_every_call_to_the_disk(tmp_path: Path, code: int) -> None:
    at, refusals = 0, []
    while True:
        at += 1
        store = prepared(tmp_path / str(at))
        failed = fails_at(store, at, code)
        check_whole_and_finish(store)
        if failed is None:
            break
        refusals.append(failed)
    assert len(refusals) > 40
    # A failure to tidy up is no failure of the admission; every other one is told.
    told = [str(each) for each in refusals if each]
    assert len(told) > 35
    assert all(os.strerror(code).lower() in sentence for sentence in told)


def fails_at(store: Store, at: int, code: int) -> StoreError | str | None:
    """Let one call to the disk fail: the refusal, "" where none came of it, None where there were fewer calls."""
    count = 0

    def act(number: int) -> None:
        nonlocal count
        count = number
        if number == at:
            raise OSError(code, os.strerror(code))

    try:
        with disk_that(act):
            change(store)
    except StoreNotWrittenError as refused:
        return refused
    return "" if count >= at else None


@pytest.mark.parametrize("call", CHANGING_CALLS)
def test_a_disk_that_fails_for_good_and_then_heals(tmp_path: Path, call: str) -> None:
    store = prepared(tmp_path)

    def act(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    if call != "rmdir":  # folders go where they can, and stay where they cannot
        with pytest.raises(StoreNotWrittenError), disk_that(act, (call,)):
            change(store)
    check_whole_and_finish(store)


def test_short_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = prepared(tmp_path)
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real_write(handle, data[:7]))
    change(store)
    check_whole_and_finish(store)


def test_a_real_limit_on_the_size_of_files(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(StoreNotWrittenError, match="file too large"):
            change(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    check_whole_and_finish(store)


def test_an_admission_is_finished_by_a_retry_in_the_same_writer(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    with store.writing(BARS) as writer:
        parts = [some_part(writer, month(name)) for name in ("2022-02", "2022-03", "2022-04")]

        def act(number: int) -> None:
            # The note, three parts, one manifest; and then the disk is full.
            if number > 5:
                raise OSError(errno.ENOSPC, "no space")

        with (
            pytest.raises(StoreNotWrittenError, match=r"2022-03.json could not be written: no space"),
            disk_that(act, ("replace",)),
        ):
            writer.admit(parts)
        assert has_note(store)
        assert len(store.records(YEAR_SO_FAR)) == 2
        assert writer.admit(parts) == ()
        assert len(store.records(YEAR_SO_FAR)) == 4
    check_whole_and_finish(store)


def test_two_processes_that_fetch_the_same_make_one_copy(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    codes = run_together(
        fetch_together,
        [
            (tmp_path, "2022-01-01", "2022-03-31"),
            (tmp_path, "2022-02-01", "2022-04-30"),
            (tmp_path, "2022-01-01", "2022-04-30"),
            (tmp_path, "2022-03-15", "2022-03-16"),
        ],
    )
    assert codes == [0, 0, 0, 0]
    records = store.records(YEAR_SO_FAR, rehash=True)
    assert [record.partition.name for record in records] == ["2022-01", "2022-02", "2022-03", "2022-04"]
    assert len(files_of(store)) == 8


def test_a_lock_dies_with_its_process_and_so_does_what_it_left(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=hold_until_killed, args=(tmp_path, theirs))
    process.start()
    assert ours.recv() == "held"
    waited: list[str] = []
    with (
        pytest.raises(StoreBusyError, match=r"writing databento ARCX.PILLAR .* not done after 0.2 s"),
        store.writing(BARS, timeout=0.2, on_wait=lambda: waited.append("waiting")),
    ):
        pass
    assert waited == ["waiting"]
    process.kill()
    process.join(timeout=60)
    assert store.size().incoming > 0
    # Whoever writes next, be it another series, tidies up.
    fetch(store, asked("2022-02-01", "2022-02-01", TRADES))
    assert store.size().incoming == 0
    assert len(files_of(store)) == 2


def test_an_admission_cut_short_is_finished_by_the_writer_of_another_series(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    assert run(admit_and_die, tmp_path, 3, ("replace",)) == KILLED
    assert has_note(store)
    fetch(store, asked("2022-02-01", "2022-02-01", TRADES))
    assert not has_note(store)
    assert len(store.records(YEAR_SO_FAR)) == 4


def test_an_admission_cut_short_is_finished_by_verify(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    assert run(admit_and_die, tmp_path, 3, ("replace",)) == KILLED
    assert states(store) == ["ok"] * 4
    assert not has_note(store)


def test_what_is_flushed_before_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = prepared(tmp_path)
    done: list[tuple[str, str]] = []
    names: dict[int, str] = {}
    real_open, real_replace, real_unlink = os.open, os.replace, os.unlink

    def opened(path: os.PathLike[str], *args: int) -> int:
        handle = real_open(path, *args)
        names[handle] = Path(path).name
        return handle

    def replaced(source: os.PathLike[str], target: os.PathLike[str]) -> None:
        done.append(("rename", f"{Path(source).name} {Path(target).name}"))
        real_replace(source, target)

    def unlinked(path: os.PathLike[str], **options: int) -> None:
        done.append(("remove", Path(path).name))
        real_unlink(path, **options)

    with store.writing(BARS) as writer:
        part = some_part(writer, month("2022-01"), content=REVISED)
        old = store.records(YEAR_SO_FAR)[0].path.name
        incoming = part.path.parent.name
        monkeypatch.setattr(os, "open", opened)
        monkeypatch.setattr(os, "replace", replaced)
        monkeypatch.setattr(os, "unlink", unlinked)
        monkeypatch.setattr(os, "fsync", lambda handle: done.append(("flush", names[handle])))
        (new,) = writer.admit([part], replacing=True)
        monkeypatch.undo()
    assert done == [
        ("flush", part.path.name),
        ("flush", "admission.json.part"),
        ("rename", "admission.json.part admission.json"),
        ("flush", incoming),
        ("rename", f"{part.path.name} {new.path.name}"),
        ("flush", "GLD"),
        ("flush", "2022-01.json.part"),
        ("rename", "2022-01.json.part 2022-01.json"),
        ("flush", "GLD"),
        ("remove", old),
        ("remove", "admission.json"),
        ("flush", incoming),
    ]


def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    store = prepared(tmp_path)
    folders = [path for path in (store.folder, *store.folder.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o500)
    try:
        try:
            (store.folder / "probe").touch()
        except PermissionError:
            pass
        else:
            pytest.skip("this user may write everywhere, permissions or not")
        assert len(store.records(YEAR_SO_FAR, rehash=True)) == 1
        assert states(store) == ["ok"]
        with pytest.raises(StoreNotWrittenError, match="permission denied"):
            change(store)
    finally:
        for folder in folders:
            folder.chmod(0o700)
    check_whole_and_finish(store)
