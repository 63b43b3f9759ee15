"""What the Snakefile asks beyond the study itself: errors in Snakemake's manner, and the plan."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake.exceptions import WorkflowError

from augtrial.errors import UserError
from augtrial.study import Study

if TYPE_CHECKING:
    from snakemake.workflow import Workflow


def open_study(workflow: "Workflow", config: dict[str, Any]) -> Study:
    """Return the study of Snakemake's config; a user's mistake is told without a traceback."""
    source = ", ".join(Path(file).name for file in workflow.configfiles) or "the config"
    try:
        return Study.from_config(config, source)
    except UserError as error:
        raise WorkflowError(str(error)) from None


def targets(workflow: "Workflow") -> set[str]:
    """Return what the command line asks for."""
    settings = workflow.dag_settings
    return set(settings.targets) if settings is not None else set()


def redraws(workflow: "Workflow") -> bool:
    """Return whether only figures and report are asked for."""
    return targets(workflow) == {"figures"}


def tell_plan(workflow: "Workflow", study: Study) -> None:
    """Print the study in words before the first job."""
    if workflow.is_main_process:
        print(study.root, file=sys.stderr)
