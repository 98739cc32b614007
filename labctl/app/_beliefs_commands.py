"""What a campaign's optimizer expects: of one trial when it was suggested, or of what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labctl.app._ending import clear_errors


def explain(
    directory: Annotated[Path, typer.Argument(help="Folder of the campaign's store.")],
    trial: Annotated[str, typer.Argument(help="Trial; the next one when omitted.")] = "",
) -> None:
    """Say what the optimizer expected of a trial when it was suggested, how sure it was, and from where it had that."""
    with clear_errors():
        from labctl.app._showing_beliefs import show_beliefs

        show_beliefs(directory, trial)
