"""The plan of a study that has not run: its hours, its power, and what could be changed."""

import os
from pathlib import Path

from augtrial.config.load import read_config
from augtrial.core.errors import UserError
from augtrial.pipeline.design import (
    endpoint,
    judged,
    outcome,
    plan_table,
    remarks,
    secondary,
    worth,
)
from augtrial.pipeline.feasibility import fit_problems
from augtrial.pipeline.machine import Machine
from augtrial.pipeline.plan import plan_text
from augtrial.pipeline.study import Study
from augtrial.reporting.plan import power_text
from augtrial.statistics.components import pilot_components, published_components, typed_components


def plan_study(
    config: Path,
    *,
    pilot: Path | None = None,
    components: str = "",
    cores: int | None = None,
    folder: Path | None = None,
) -> str:
    """Return what a study could show, in words; a folder gets it as a table and a figure.

    `config` is the study's file. The variance is that of a `pilot` (a results folder), the typed
    `components`, or that of the published trials. `cores` are those that the hours are for.

    Raises:
        UserError: a config, table or pilot that cannot be used, or components that are none.
    """
    wanted = Study.from_config(read_config(config), str(config))
    if problems := fit_problems(wanted):
        raise UserError(problems, f"{wanted.settings.study} cannot be run as it is:")
    study, settings = judged(wanted), wanted.settings
    known = outcome(study)
    if pilot:
        scenarios = pilot_components(pilot, endpoint(study))
    elif components:
        scenarios = typed_components(components)
    else:
        patients, replicates = worth(study, known), len(study.replicates)
        scenarios = published_components(endpoint(study), patients, replicates)
    cores = cores or len(os.sched_getaffinity(0))
    machine = Machine.here(device=settings.device, cores=cores, gpus=None)
    table = plan_table(study, scenarios, machine)
    others = len(secondary(study))
    if folder:
        from augtrial.reporting.figures.power import draw_power

        drawing = draw_power(table, settings.margin)
        drawing.save(*(folder / f"plan.{kind}" for kind in ("svg", "pdf", "csv")))
    first = f"{settings.primary_contrast}, {settings.primary_endpoint}"
    return "\n".join(
        [
            plan_text(wanted, machine),
            f"Primary contrast: {first}; margin {100 * settings.margin:g} points, "
            f"level {1 - settings.confidence:.3g}.",
            *remarks(wanted, known),
            "",
            *scenarios.lines(),
            "",
            power_text(table, settings.margin, others),
        ]
    )
