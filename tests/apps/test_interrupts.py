import signal
import threading

import pytest

from gansmith.apps.interrupts import EXIT_CODES, orderly, stoppable


@pytest.mark.parametrize(
    ("number", "why"), [(signal.SIGINT, "interrupt"), (signal.SIGTERM, "terminate")]
)
def test_the_first_signal_is_noted_and_the_second_acts(number: signal.Signals, why: str) -> None:
    acted: list[int] = []
    before = signal.signal(number, lambda which, frame: acted.append(which))
    try:
        with stoppable() as stop:
            assert stop() is None
            signal.raise_signal(number)
            assert stop() == why
            assert acted == []
            signal.raise_signal(number)
            assert acted == [number]
        signal.raise_signal(number)
        assert acted == [number, number]
    finally:
        signal.signal(number, before)


def test_handlers_come_back_after_a_block_without_signals() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable(), orderly():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_sigterm_unwinds_so_that_what_was_begun_is_cleared_away() -> None:
    cleared = []

    def work() -> None:
        with orderly():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                cleared.append(True)

    with pytest.raises(SystemExit) as end:
        work()
    assert end.value.code == EXIT_CODES["terminate"] == 143
    assert cleared == [True]


def test_outside_the_main_thread_nothing_is_caught() -> None:
    found: list[object] = []

    def work() -> None:
        with orderly(), stoppable() as stop:
            found.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
