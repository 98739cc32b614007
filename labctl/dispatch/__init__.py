"""Which operation runs next on which station."""

from labctl.dispatch._adoption import OPERATOR, Interrupted
from labctl.dispatch._advised import Advice, Advised, PlannedLoad
from labctl.dispatch._adviser import advise
from labctl.dispatch._dispatcher import Dispatcher
from labctl.dispatch._durations import Durations
from labctl.dispatch._failure import RETRY, FailureRule, answers, default_rule, rule_problems
from labctl.dispatch._first_come import FirstCome
from labctl.dispatch._forecast import Forecast, Prospect, Span
from labctl.dispatch._greedy import Greedy
from labctl.dispatch._hands import Hands
from labctl.dispatch._line import Line
from labctl.dispatch._places import Places
from labctl.dispatch._policy import Choice, Decision, Policy
from labctl.dispatch._port import Handled, Load, Move, Port
from labctl.dispatch._share import Share
from labctl.dispatch._traveller import Traveller

__all__ = [
    "OPERATOR",
    "RETRY",
    "Advice",
    "Advised",
    "Choice",
    "Decision",
    "Dispatcher",
    "Durations",
    "FailureRule",
    "FirstCome",
    "Forecast",
    "Greedy",
    "Handled",
    "Hands",
    "Interrupted",
    "Line",
    "Load",
    "Move",
    "Places",
    "PlannedLoad",
    "Policy",
    "Port",
    "Prospect",
    "Share",
    "Span",
    "Traveller",
    "advise",
    "answers",
    "default_rule",
    "rule_problems",
]
