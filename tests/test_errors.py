from __future__ import annotations

import pickle

from kashif.errors import Fault, InputError, counted


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = InputError([Fault("a.txt", "no label", 3), Fault("b.txt", "no text")])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.faults) == (str(error), error.faults)


def test_one_thing_is_singular() -> None:
    assert [counted(number, "fault") for number in (0, 1, 2000)] == ["0 faults", "1 fault", "2,000 faults"]


def test_a_fault_tells_its_line_or_else_its_document() -> None:
    places = [Fault("a", "x"), Fault("a", "x", 3), Fault("a", "x", document="d"), Fault("a", "x", 3, "d")]
    assert [fault.place for fault in places] == ["a", "a:3", "a, document 'd'", "a:3"]
    assert str(places[2]) == "a, document 'd': x"
