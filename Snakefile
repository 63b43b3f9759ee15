# A controlled trial of augmentation, from lesions to the comparison table.
#
#   snakemake --cores 8 --resources gpu=2                      the study of config.yaml
#   snakemake --cores 2 --configfile config/quick.yaml         another study; the file stands alone
#   snakemake figures --configfile config/quick.yaml           redraw a finished study

from augtrial.core.replicate import PATTERN as REPLICATE
from augtrial.pipeline.code_hash import CodeParam, source_hash
from augtrial.pipeline.costs import Costs
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.job_params import FITNESS_SAMPLES, JobParams
from augtrial.pipeline.paths import COMPARED, Paths
from augtrial.pipeline.provenance import study_facts
from augtrial.pipeline.registration import registration
from augtrial.pipeline.snakefile import open_study, redraws, shared_cores, tell_plan, tell_verdicts

# A file given on the command line stands alone: Snakemake would merge it into this one.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


study = open_study(workflow, config)
paths, job_params, figure_specs = Paths(study), JobParams(study), FigureSpecs(study)
costs = Costs(study, shared_cores(workflow))


container: "docker://augtrial:0.1.0"


pathvars:
    results=study.root,
    logs=f"{study.root}/logs",
    benchmarks=f"{study.root}/benchmarks",


wildcard_constraints:
    replicate=REPLICATE,
    part=r"\d+",
    fold=r"\d+",
    arm=study.one_of(study.settings.arms),
    synthesizer=study.one_of(study.settings.synthesizers),


# Seconds each: on a cluster they would wait for longer than they take.
localrules:
    all,
    figures,
    gather_rois,
    gather_predictions,
    gather_subsets,
    gather_fidelity,
    record_study,
    draw_images,


rule all:
    default_target: True
    input:
        paths.data(),
        figure_specs.drawn(),


# Redrawing leaves out every rule that computes, so that no changed setting can start a training.
if not redraws(workflow):
    tell_plan(workflow, study)

    include: "workflow/rules/cohort.smk"
    include: "workflow/rules/rois.smk"
    include: "workflow/rules/classic.smk"
    include: "workflow/rules/oracle.smk"
    include: "workflow/rules/synthesizers.smk"
    include: "workflow/rules/classifiers.smk"
    include: "workflow/rules/fidelity.smk"
    include: "workflow/rules/fitness.smk"
    include: "workflow/rules/tables.smk"


include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


onsuccess:
    tell_verdicts(study)
