"""The closed loop over trials."""

from labctl.campaign._campaign import Campaign
from labctl.campaign._candidate import read_candidate
from labctl.campaign._check import check_campaign
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._decisions import is_closed
from labctl.campaign._ending import Ending
from labctl.campaign._file import CampaignFile
from labctl.campaign._happening import Happening
from labctl.campaign._learning import Told, retold

__all__ = [
    "Campaign",
    "CampaignFile",
    "CheckedCampaign",
    "Ending",
    "Happening",
    "Told",
    "check_campaign",
    "is_closed",
    "read_candidate",
    "retold",
]
