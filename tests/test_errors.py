from __future__ import annotations

import pickle

from kashif.errors import Fault, InputError


def test_an_error_comes_whole_out_of_another_process() -> None:
    error = InputError([Fault("a.txt", "no label", 3), Fault("b.txt", "no text")])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.faults) == (str(error), error.faults)
