import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.dispatch import Places


def test_places_are_given_in_order_and_given_back():
    places = Places({"rack": 2})
    assert places.reserve("rack", "a") == "rack.1"
    assert places.reserve("rack", "b") == "rack.2"
    places.free("rack.1", "a")
    assert places.reserve("rack", "c") == "rack.1"


def test_a_full_rack_has_no_place():
    places = Places({"rack": 1})
    places.reserve("rack", "a")
    with pytest.raises(LookupError, match="rack has no free place"):
        places.reserve("rack", "b")


def test_only_the_owner_gives_a_place_back():
    places = Places({"rack": 1})
    places.reserve("rack", "a")
    with pytest.raises(ValueError, match="belongs to a, not to b"):
        places.free("rack.1", "b")


@given(st.lists(st.tuples(st.sampled_from(["rack", "oven"]), st.booleans()), max_size=40))
def test_no_two_samples_ever_have_one_place(steps):
    places, held = Places({"rack": 3, "oven": 2}), []
    for number, (owner, give_back) in enumerate(steps):
        if give_back and held:
            place, sample = held.pop(0)
            places.free(place, sample)
        elif places.n_free(owner):
            held.append((places.reserve(owner, f"s{number}"), f"s{number}"))
        assert len({place for place, _ in held}) == len(held)
        assert places.holders() == dict(held)
