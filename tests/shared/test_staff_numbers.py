"""One person is one staff number: every spelling of it, and nothing that only looks like it."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.values import staff_numbers

NUMBERS = st.from_regex(staff_numbers.FORM, fullmatch=True)
WIDE = {
    ord(letter): ord(letter) + 0xFEE0 for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-"
}


@given(NUMBERS, st.data())
def test_every_spelling_of_a_number_is_that_number_and_never_a_second_person(number: str, data: st.DataObject) -> None:
    ways = [str.upper, str.lower, lambda letter: letter.translate(WIDE), lambda letter: letter.lower().translate(WIDE)]
    spelt = "".join(data.draw(st.sampled_from(ways))(letter) for letter in number)
    assert staff_numbers.folded(spelt) == number
    assert not staff_numbers.are_two_people(spelt, number)


@given(st.text(max_size=60))
def test_whatever_is_taken_is_of_the_form_and_stays_as_it_is(text: str) -> None:
    try:
        number = staff_numbers.folded(text)
    except ValueError:
        return
    assert re.fullmatch(staff_numbers.FORM, number)
    assert staff_numbers.folded(number) == number
    assert number == unicodedata.normalize("NFKC", text).upper()


@pytest.mark.parametrize(
    "alike", ["F\u0410" + "4001", "FA\u200b4001", "FA4001\u00a0", " FA4001", "\u0131D1", "FA\u0301", "\xdf"]
)
def test_what_only_looks_like_a_number_is_refused_and_is_nobodys_second_person(alike: str) -> None:
    with pytest.raises(ValueError, match="A to Z"):
        staff_numbers.folded(alike)
    assert not staff_numbers.are_two_people(alike, "FA4002")


def test_a_machine_is_nobodys_second_person() -> None:
    assert not staff_numbers.are_two_people("machine:scheduler", "FA4001")
    assert not staff_numbers.are_two_people("FA4001", "unknown:oid-1")
    assert staff_numbers.are_two_people("FA4001", "FA4002")
