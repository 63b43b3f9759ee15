"""What a study draws: its figures and its report, and the files that they are made from."""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augtrial.pipeline.code_hash import PACKAGE
from augtrial.pipeline.job_params import JobParams
from augtrial.pipeline.paths import Paths
from augtrial.pipeline.study import Study


@dataclass(frozen=True)
class Figure:
    """A figure: its name and kind, what it is drawn from, and how Snakemake's report files it.

    `sources` and `facts` are the arguments of its kind's drawing function: files by the names of
    its parameters (see `figures.drawer`), and plain values.
    """

    name: str
    kind: str
    category: str
    label: str
    sources: Mapping[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Return the files that it is drawn from."""
        values = self.sources.values()
        return [path for v in values for path in ([v] if isinstance(v, str) else v)]


class FigureSpecs:
    """The figures and the report of a study."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.paths, self.job_params = Paths(study), JobParams(study)

    def figures(self) -> list[Figure]:
        """Return the study's figures in the report's order."""
        label, losses = "losses of the classifiers", {"history": self.paths.histories()}
        training = Figure("training", "training", "Training", label, losses)
        return [*self._results(), *self._images(), training]

    def _results(self) -> Iterator[Figure]:
        settings = self.study.settings
        if settings.contrasts:
            yield self._result("contrasts", "differences between arms", table="contrasts")
        yield self._result("endpoints", "endpoints by arm", table="endpoints")
        yield self._result("confusion", "confusion matrices", table="confusion")
        yield self._result("roc", "ROC curves", table="roc")
        tables = {"reliability": "reliability", "calibration": "calibration"}
        yield self._result("calibration", "calibration", **tables)
        if settings.curves:
            curves = {name: curve.model_dump() for name, curve in settings.curves.items()}
            facts = {"curves": curves, "arms": self.plain_arms()}
            tables, label = {"curve": "curve", "endpoints": "endpoints"}, "training-set size"
            yield self._result("size_curve", f"accuracy against {label}", facts, **tables)
        if settings.classifier.eval_updates:
            yield self._result("updates", "accuracy against updates", updates="updates")
        if self.study.subset_replicates:
            tables = {"subsets": "subsets", "contrasts": "subset_contrasts"}
            yield self._result("subsets", "accuracy against patients", **tables)
        if self.job_params.embedding_arms():
            tables = {"points": "embedding", "neighbours": "embedding_neighbours"}
            yield self._result("embedding", "the classifier's last layer", **tables)

    def _images(self) -> Iterator[Figure]:
        settings, fold = self.study.settings, self.study.folds[0]
        shown: dict[str, Any] = {"rois": [self.paths.rois(1, part) for part in self.study.folds]}
        shown |= {"measured": f"{self.study.root}/rois.csv"}
        yield Figure("contact_sheet", "contact_sheet", "Images", "lesions", shown)
        for name in settings.used_synthesizers:
            samples = {"samples": self.paths.samples(1, fold, [name])}
            samples |= {"rois": self.paths.training_rois(1, fold)}
            yield self._image("samples", name, f"real against {name}", samples)
            if self.study.synthesizer_kind(name).history:
                images = {"progress": [self.paths.synthesizer(1, fold, name, "progress.npz")]}
                yield self._image("progress", name, f"{name} over the training", images)
                yield self._losses(name)
        if settings.appraised_synthesizers:
            yield self._result("fidelity", "fidelity of synthetic images", means="fidelity_means")
        for name in settings.appraised_synthesizers:
            pairs = {"pictures": self.paths.appraisals(".npz")[:1]}
            yield self._image("pairs", name, f"closest pairs of {name}", pairs)

    def _losses(self, name: str) -> Figure:
        panels = {k: dict(v) for k, v in self.study.synthesizer_kind(name).history.items()}
        jobs = itertools.product(self.study.synthesizer_replicates, self.study.folds)
        histories = [self.paths.synthesizer(*job, name, "history.csv") for job in jobs]
        facts, label = {"synthesizer": name, "panels": panels}, f"losses of {name}"
        return Figure(f"losses_{name}", "losses", "Training", label, {"history": histories}, facts)

    def _result(
        self, kind: str, label: str, facts: dict[str, Any] | None = None, /, **tables: str
    ) -> Figure:
        sources = {key: f"{self.study.root}/tables/{table}.csv" for key, table in tables.items()}
        return Figure(kind, kind, "Results", label, sources, facts or {})

    @staticmethod
    def _image(kind: str, name: str, label: str, sources: Mapping[str, list[str]]) -> Figure:
        return Figure(f"{kind}_{name}", kind, "Images", label, sources, {"synthesizer": name})

    def files(self, suffix: str, figures: list[Figure] | None = None) -> list[str]:
        """Return the figures' files of one kind: svg, pdf, or csv for their data."""
        figures = self.figures() if figures is None else figures
        return [f"{self.study.root}/figures/{figure.name}.{suffix}" for figure in figures]

    @staticmethod
    def metadata(figures: list[Figure]) -> list[dict[str, Any]]:
        """Return kind, sources and facts of these figures, as plain values for the drawing job."""
        return [{"kind": f.kind, "sources": f.sources, "facts": f.facts} for f in figures]

    def filed(self, figures: list[Figure]) -> list[tuple[str, dict[str, Any]]]:
        """Return the SVG files of these figures, and where Snakemake's own report files them."""
        filed = [
            {
                "caption": f"../report/{f.kind}.rst",
                "category": f.category,
                "labels": {"figure": f.label},
            }
            for f in figures
        ]
        return list(zip(self.files("svg", figures), filed, strict=True))

    def drawn(self) -> list[str]:
        """Return the files of the figures, and the report."""
        files = [path for suffix in ("svg", "pdf", "csv") for path in self.files(suffix)]
        return [*files, f"{self.study.root}/report.html"]

    def style(self) -> dict[str, Any]:
        """Return the values of `FigureStyle`: names in their order, colours, examples."""
        counterparts: dict[str, str] = {}
        for name, arm in self.study.settings.arms.items():
            networks = [self.study.settings.synthesizers[key].kind for key in arm.synthetic]
            kind = networks[0] if len(networks) == 1 else "classic" if arm.classic else ""
            plain = not (arm.is_control or arm.transforms) and arm.classic and len(networks) < 2
            if plain and kind not in counterparts.values():
                counterparts[name] = kind
        names: dict[str, Any] = {"arms": self.order(), "classes": self.study.classes}
        names |= {"paper_counterpart": counterparts, "confidence": self.study.settings.confidence}
        return names | self.study.settings.figures.model_dump(exclude={"order"})

    def order(self) -> list[str]:
        """Return the arms in the order in which they are shown."""
        settings = self.study.settings
        return list(dict.fromkeys([*settings.figures.order, *settings.arms]))

    def plain_arms(self) -> dict[str, dict[str, Any]]:
        """Return the recipes that a size describes, as plain values: controls are left out."""
        arms = self.study.settings.arms.items()
        return {name: arm.model_dump() for name, arm in arms if not arm.is_control}

    def captions(self, folder: str | Path) -> dict[str, str]:
        """Return the caption of each figure, read from the workflow's `<kind>.rst`."""
        files = {figure.name: Path(folder) / f"{figure.kind}.rst" for figure in self.figures()}
        return {name: path.read_text(encoding="utf-8") for name, path in files.items()}

    @staticmethod
    def page_source() -> str:
        """Return a hash of the report's template, style and script, and of where settings are
        described, since it shows the descriptions.
        """
        parts = sorted((PACKAGE / "reporting" / "report").glob("*.[hcj]*"))
        for folder in ("config", "synthesizers", "tasks"):
            parts += sorted((PACKAGE / folder).rglob("*.py"))
        return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]

    def drawn_from(self) -> list[str]:
        """Return every file that figures and report read."""
        return self.paths.data() + [path for figure in self.figures() for path in figure.files()]
