"""The closed loop over trials."""

from labctl.campaign._approvals import Refusal
from labctl.campaign._campaign import Campaign
from labctl.campaign._candidate import read_candidate
from labctl.campaign._check import check_campaign
from labctl.campaign._check_together import check_together
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._completion import Completion, ToCome, completion
from labctl.campaign._decisions import is_closed
from labctl.campaign._ending import Ending
from labctl.campaign._file import CampaignFile
from labctl.campaign._floor import Floor
from labctl.campaign._happening import Happening
from labctl.campaign._learning import Told, retold
from labctl.campaign._refused import read_refused
from labctl.campaign._search_file import Search, SearchFile, read_search
from labctl.campaign._side_by_side import run_side_by_side
from labctl.campaign._trial_table import TrialTable

__all__ = [
    "Campaign",
    "CampaignFile",
    "CheckedCampaign",
    "Completion",
    "Ending",
    "Floor",
    "Happening",
    "Refusal",
    "Search",
    "SearchFile",
    "ToCome",
    "Told",
    "TrialTable",
    "check_campaign",
    "check_together",
    "completion",
    "is_closed",
    "read_candidate",
    "read_refused",
    "read_search",
    "retold",
    "run_side_by_side",
]
