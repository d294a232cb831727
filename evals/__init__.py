"""Scenarios: ways in which a deployment goes wrong, as data, with what must be found and done."""

from evals.scenario import Change, Expectation, Scenario, load, names

__all__ = ["Change", "Expectation", "Scenario", "load", "names"]
