"""Whether campaigns can share a laboratory."""

from __future__ import annotations

from collections.abc import Sequence

from labctl.campaign._checked import CheckedCampaign
from labctl.errors import FileError, Problem


def check_together(campaigns: Sequence[CheckedCampaign]) -> None:
    """Check campaigns that are to run side by side in one laboratory; each was checked alone before.

    Raises:
        ExceptionGroup: of one `FileError` for each file that does not go with those before it.
    """
    first, wrong = campaigns[0], list[FileError]()
    for number, campaign in enumerate(campaigns[1:], 1):
        problems = [*_problems(first, campaign), *_namesake(campaigns[:number], campaign)]
        if number == len(campaigns) - 1:
            problems += _places(campaigns)
        if problems:
            wrong.append(FileError(str(campaign.paths["campaign"]), problems))
    if wrong:
        raise ExceptionGroup("campaigns that cannot share a laboratory", wrong)


def _problems(first: CheckedCampaign, other: CheckedCampaign) -> list[Problem]:
    """Return what must be equal and is not."""
    found, mine, its = list[Problem](), first.file.dispatch, other.file.dispatch
    before = first.paths["campaign"]
    if first.lab != other.lab:
        found.append(Problem("lab", f"is not the laboratory of {before}: {first.paths['lab']}"))
    if first.rows or other.rows:
        found.append(
            Problem("space.table", f"a laboratory that looks results up in a table has one campaign: {before}")
        )
    for field in ("policy", "adviser"):
        if getattr(mine, field) != getattr(its, field):
            text = f"is {getattr(its, field)!r}, and {getattr(mine, field)!r} in {before}: one line has one policy"
            found.append(Problem(f"dispatch.{field}", text))
    return found


def _namesake(before: Sequence[CheckedCampaign], campaign: CheckedCampaign) -> list[Problem]:
    same = [each.paths["campaign"] for each in before if each.file.campaign == campaign.file.campaign]
    text = f"{campaign.file.campaign!r} is also the name of the campaign in" + " ".join(f" {path}" for path in same)
    return [Problem("campaign", f"{text}: samples are named after it")] if same else []


def _places(campaigns: Sequence[CheckedCampaign]) -> list[Problem]:
    trials, places = [each.file.budget.trials for each in campaigns], sum(campaigns[0].lab.racks.values())
    if sum(trials) <= places:
        return []
    text = f"{' + '.join(map(str, trials))} trials need as many rack places; {campaigns[0].paths['lab']} has {places}"
    return [Problem("budget.trials", text)]
