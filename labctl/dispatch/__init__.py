"""Which operation runs next on which station."""

from labctl.dispatch._dispatcher import OPERATOR, Dispatcher
from labctl.dispatch._failure import RETRY, FailureRule, answers, default_rule, rule_problems
from labctl.dispatch._places import Places
from labctl.dispatch._port import Handled, Load
from labctl.dispatch._traveller import Traveller

__all__ = [
    "OPERATOR",
    "RETRY",
    "Dispatcher",
    "FailureRule",
    "Handled",
    "Load",
    "Places",
    "Traveller",
    "answers",
    "default_rule",
    "rule_problems",
]
