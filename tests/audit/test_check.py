"""What every check states of itself, and what a finding takes over from it."""

import pytest

from pipeline.audit.check import Check
from pipeline.audit.runner import CHECKS


class Own(Check):
    code = "CHK999"
    title = "own"
    effect = "an effect"
    remedy = "a remedy"

    def check(self, context):
        return [self.finding("seen", table="labs", columns=["value"])]


def test_what_is_not_given_is_that_of_the_class():
    (found,) = Own().check(None)
    assert (found.code, found.title, found.severity) == ("CHK999", "own", "warning")
    assert (found.effect, found.remedy) == ("an effect", "a remedy")
    assert found.columns == ("value",)


@pytest.mark.parametrize("name", ["severity", "effect", "remedy"])
def test_a_finding_may_state_its_own(name):
    other = Own().finding("seen", table="labs", columns=[], **{name: "info"})
    plain = Own().finding("seen", table="labs", columns=[])
    assert getattr(other, name) == "info"
    rest = {"severity", "effect", "remedy"} - {name}
    assert all(getattr(other, key) == getattr(plain, key) for key in rest)


def test_a_check_without_its_method_cannot_be_made():
    class Half(Check):
        code = "CHK998"

    with pytest.raises(TypeError):
        Half()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_every_check_states_its_attributes(check):
    assert all(isinstance(getattr(check, name), str) for name in ("title", "effect", "remedy"))
    assert check.anchor().endswith(check.code.lower())
    assert check.severity in ("error", "warning", "info")
