"""Cells of a CSV that begin like a formula, as Python's csv writes and reads them."""

import csv
import io
import re

from hypothesis import example, given
from hypothesis import strategies as st

from dashboards.formulas import harmless, harmless_record

TEXTS = st.text(alphabet=st.sampled_from("=+-@\t\r\n',\"1ä "), max_size=6)


@given(st.lists(TEXTS, min_size=1, max_size=5))
@example(["a,=b", '"=1', "=1", "\r=1", "\n", "-5", "-5.5e3", "-a", ""])
def test_every_record_that_csv_writes_keeps_its_cells_and_none_begins_like_a_formula(cells):
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    read = next(csv.reader(io.StringIO(harmless_record(written.getvalue()), newline="")))
    assert len(read) == len(cells)
    for after, before in zip(read, cells, strict=True):
        assert after in (before, f"'{before}")
        runs = before.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        is_number = re.fullmatch(r"[+-]\d+(\.\d+e\d)?", before)
        assert (after != before) == (runs and not is_number)


def test_numbers_of_ours_stay_numbers_and_text_that_looks_like_one_does_not_run():
    assert harmless(-5) == -5
    assert harmless("-5") == "'-5"
    assert harmless(None) is None
