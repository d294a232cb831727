"""Verification of tokens, without HTTP."""

from collections.abc import Callable

import pytest

from todo_backend.common.tokens import InvalidToken, TokenVerifier
from todo_testing.tokens import AUDIENCE, ISSUER, REFUSED, SECRET, token

VERIFIER = TokenVerifier(SECRET, ISSUER, AUDIENCE)


def test_a_good_token_names_its_user() -> None:
    value = token("ada")
    caller = VERIFIER.from_header(f"Bearer {value}")
    assert (caller.user_id, caller.token) == ("ada", value)
    assert VERIFIER.from_header(f"bearer  {value}").user_id == "ada"


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_a_bad_token_is_refused_without_a_trace_of_it(make: Callable[[], str]) -> None:
    value = make()
    with pytest.raises(InvalidToken) as caught:
        VERIFIER.verify(value)
    assert value not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_audience_among_several_is_enough() -> None:
    assert VERIFIER.verify(token("ada", aud=["other", AUDIENCE])).user_id == "ada"


@pytest.mark.parametrize("user_id", ["x" * 256, "nul\x00", 7])
def test_a_subject_that_is_no_user_id_is_refused(user_id: object) -> None:
    with pytest.raises(InvalidToken):
        VERIFIER.verify(token("x", sub=user_id))


def test_nothing_secret_shows() -> None:
    value = token("ada")
    assert SECRET not in repr(VERIFIER)
    assert value not in repr(VERIFIER.verify(value))
