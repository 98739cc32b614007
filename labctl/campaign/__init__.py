"""The closed loop over trials."""

from labctl.campaign._campaign import Campaign, Ending
from labctl.campaign._file import CampaignFile, CheckedCampaign, check_campaign

__all__ = ["Campaign", "CampaignFile", "CheckedCampaign", "Ending", "check_campaign"]
