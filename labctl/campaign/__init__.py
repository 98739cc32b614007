"""The closed loop over trials."""

from labctl.campaign._campaign import Campaign, Ending
from labctl.campaign._check import check_campaign
from labctl.campaign._checked import CheckedCampaign
from labctl.campaign._file import CampaignFile

__all__ = ["Campaign", "CampaignFile", "CheckedCampaign", "Ending", "check_campaign"]
