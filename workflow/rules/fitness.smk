# Fitness: second networks, trained without some of the training patients, are judged by these. What
# a fold holds out is not read. Nothing trains on what is made here: tables alone read it.

FITNESS = "<results>/replicate{replicate}/fold{fold}/fitness"


use rule train_synthesizer as train_second_synthesizer with:
    input:
        rois=lambda w: paths.training_rois(w.replicate, w.fold),
        variants=lambda w: paths.training_variants(w.replicate, w.fold),
        contexts=lambda w: paths.synthesizer_contexts(w.replicate, w.fold, w.synthesizer),
        others=lambda w: paths.second_used_networks(w.replicate, w.fold, w.synthesizer),
    output:
        networks=f"{FITNESS}/{{synthesizer}}/networks.pt",
        history=f"{FITNESS}/{{synthesizer}}/history.csv",
        progress=f"{FITNESS}/{{synthesizer}}/progress.npz",
        record=f"{FITNESS}/{{synthesizer}}/networks.json",
        samples=f"{FITNESS}/{{synthesizer}}/samples.npz",
    log:
        "<logs>/train_second_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.log",
    benchmark:
        "<benchmarks>/train_second_synthesizer/replicate{replicate}.fold{fold}.{synthesizer}.tsv"
    params:
        samples=FITNESS_SAMPLES,
        without=lambda w: study.set_aside(w.replicate, w.fold),


use rule train_classifiers as train_feature_classifier with:
    input:
        rois=lambda w: paths.training_rois(w.replicate, w.fold),
        variants=lambda w: paths.training_variants(w.replicate, w.fold),
        contexts=[],
        weights=study.task.files(study.settings.classifier),
    output:
        networks=f"{FITNESS}/classifiers.pt",
        history=f"{FITNESS}/classifiers.history.csv",
        record=f"{FITNESS}/classifiers.json",
    log:
        "<logs>/train_feature_classifier/replicate{replicate}.fold{fold}.log",
    benchmark:
        "<benchmarks>/train_feature_classifier/replicate{replicate}.fold{fold}.tsv"
    threads: 1
    params:
        trainings=[job_params.fitness_training()],
        samples={},
        transformed={},
        without=lambda w: study.set_aside(w.replicate, w.fold),


# One job judges all folds of a replicate, since starting costs more than looking.
rule measure_fitness:
    input:
        samples=lambda w: paths.second_samples(w.replicate),
        networks=lambda w: paths.feature_networks(w.replicate),
        rois=lambda w: [paths.rois(w.replicate, part) for part in study.folds],
        variants=lambda w: [paths.variants(w.replicate, part) for part in study.folds],
    output:
        table="<results>/replicate{replicate}/fitness.csv",
    log:
        "<logs>/measure_fitness/replicate{replicate}.log",
    benchmark:
        "<benchmarks>/measure_fitness/replicate{replicate}.tsv"
    resources:
        mem_mb=lambda w, attempt: attempt * costs.looking_mb(),
    params:
        synthesizers=job_params.judged_synthesizers(),
        folds=study.folds,
        without=lambda w: {fold: study.set_aside(w.replicate, fold) for fold in study.folds},
        classifier=job_params.classifier_values(),
        classes=study.classes,
        seed=study.settings.seed,
        code=CodeParam("jobs.fitness", *study.task_modules),
        user_code=study.user_code,
    script:
        "../scripts/measure_fitness.py"
