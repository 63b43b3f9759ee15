"""What a study draws: its figures and its report, and the files that they are made from."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from augtrial.places import Places
from augtrial.recipes import Recipes
from augtrial.source import PACKAGE
from augtrial.study import Study


@dataclass(frozen=True)
class Figure:
    """A figure: its name and kind, what it is drawn from, and how Snakemake's report files it.

    `sources` and `facts` are what the drawing function of its kind is given: files by the names of
    its parameters (see `figures.drawer`), and plain values.
    """

    name: str
    kind: str
    category: str
    label: str
    sources: dict[str, str | list[str]]
    facts: dict[str, Any] = field(default_factory=dict)

    def files(self) -> list[str]:
        """Return the files that it is drawn from."""
        values = self.sources.values()
        return [path for v in values for path in ([v] if isinstance(v, str) else v)]


class Drawings:
    """The figures and the report of a study."""

    def __init__(self, study: Study) -> None:
        """Name the figures of a study."""
        self.study = study
        self.places, self.recipes = Places(study), Recipes(study)

    def figures(self) -> list[Figure]:
        """Return the study's figures in the report's order."""
        return [
            *self._results(),
            *self._images(),
            self._training("training", "losses of the classifiers", self.arm_histories()),
        ]

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
            yield self._result(
                "size_curve",
                "accuracy against training-set size",
                {"curves": curves, "arms": self.plain_arms()},
                curve="curve",
                endpoints="endpoints",
            )
        if settings.classifier.stops:
            yield self._result("updates", "accuracy against updates", updates="updates")
        if self.study.subset_replicates:
            tables = {"subsets": "subsets", "contrasts": "subset_contrasts"}
            yield self._result("subsets", "accuracy against patients", **tables)
        if self.recipes.embedding_arms():
            tables = {"points": "embedding", "neighbours": "embedding_neighbours"}
            yield self._result("embedding", "the classifier's last layer", **tables)

    def _images(self) -> Iterator[Figure]:
        settings, fold = self.study.settings, self.study.folds[0]
        rois = [self.places.rois(1, part) for part in self.study.folds]
        shown = {"rois": rois, "measured": f"{self.study.root}/rois.csv"}
        yield Figure("contact_sheet", "contact_sheet", "Images", "lesions", shown)
        for name in settings.used_synthesizers:
            own = {"synthesizer": name}
            samples = {
                "rois": self.places.training_rois(1, fold),
                "samples": self.places.samples(1, fold, [name]),
            }
            yield self._image("samples", name, f"real against {name}", samples, own)
            progress = {"progress": self.places.generators(1, fold, [name], ".progress.npz")}
            yield self._image("progress", name, f"{name} over the epochs", progress, own)
            histories = self.synthesizer_histories(name)
            yield self._training(f"losses_{name}", f"losses of {name}", histories, own)
        if settings.appraised_synthesizers:
            yield self._result("fidelity", "fidelity of synthetic images", means="fidelity_means")
        for name in settings.appraised_synthesizers:
            pairs = {"pictures": self.places.appraisals(".npz")[:1]}
            label = f"closest pairs of {name}"
            yield self._image("pairs", name, label, pairs, {"synthesizer": name})

    def _result(
        self, kind: str, label: str, facts: dict[str, Any] | None = None, /, **tables: str
    ) -> Figure:
        sources = {key: f"{self.study.root}/tables/{table}.csv" for key, table in tables.items()}
        return Figure(kind, kind, "Results", label, sources, facts or {})

    @staticmethod
    def _image(kind: str, name: str, label: str, sources: dict, facts: dict[str, Any]) -> Figure:
        return Figure(f"{kind}_{name}", kind, "Images", label, sources, facts)

    @staticmethod
    def _training(
        name: str, label: str, histories: list[str], facts: dict[str, Any] | None = None
    ) -> Figure:
        kind = name.split("_")[0]
        return Figure(name, kind, "Training", label, {"history": histories}, facts or {})

    def files(self, suffix: str, figures: list[Figure] | None = None) -> list[str]:
        """Return the figures' files of one kind: svg, pdf, or csv for their data."""
        own = self.figures() if figures is None else figures
        return [f"{self.study.root}/figures/{figure.name}.{suffix}" for figure in own]

    @staticmethod
    def told(figures: list[Figure]) -> list[dict[str, Any]]:
        """Return what the drawing job is told of these figures, as plain values."""
        return [{"kind": f.kind, "sources": f.sources, "facts": f.facts} for f in figures]

    def filed(self, figures: list[Figure]) -> list[tuple[str, dict[str, Any]]]:
        """Return the SVG files of these figures, and where Snakemake's own report files them."""
        return [
            (
                path,
                {
                    "caption": f"../report/{figure.kind}.rst",
                    "category": figure.category,
                    "labels": {"figure": figure.label},
                },
            )
            for figure, path in zip(figures, self.files("svg", figures), strict=True)
        ]

    def drawn(self) -> list[str]:
        """Return the files of the figures, and the report."""
        files = [path for suffix in ("svg", "pdf", "csv") for path in self.files(suffix)]
        return [*files, f"{self.study.root}/report.html"]

    def look(self) -> dict[str, Any]:
        """Return what every figure is told: names in their order, colours, examples."""
        like: dict[str, str] = {}
        for name, arm in self.study.settings.arms.items():
            networks = [self.study.settings.synthesizers[key].network for key in arm.synthetic]
            kind = networks[0] if len(networks) == 1 else "classic" if arm.classic else ""
            plain = not (arm.is_control or arm.transforms) and arm.classic and len(networks) < 2
            if plain and kind not in like.values():
                like[name] = kind
        names = {
            "arms": self.order(),
            "classes": self.study.classes,
            "like": like,
        }
        confidence = self.study.settings.confidence
        figures = self.study.settings.figures.model_dump(exclude={"order"})
        return {**names, "confidence": confidence, **figures}

    def order(self) -> list[str]:
        """Return the arms in the order in which they are shown."""
        settings = self.study.settings
        return list(dict.fromkeys([*settings.figures.order, *settings.arms]))

    def plain_arms(self) -> dict[str, dict[str, Any]]:
        """Return the recipes that are told by a size, as plain values: controls are not."""
        arms = self.study.settings.arms.items()
        return {name: arm.model_dump() for name, arm in arms if not arm.is_control}

    def captions(self, folder: str | Path) -> dict[str, str]:
        """Return the caption of each figure, read from the workflow's `<kind>.rst`."""
        return {
            figure.name: (Path(folder) / f"{figure.kind}.rst").read_text(encoding="utf-8")
            for figure in self.figures()
        }

    @staticmethod
    def page_source() -> str:
        """Return a hash of the report's template, style and script."""
        parts = sorted((PACKAGE / "report").glob("*.[hcj]*"))
        return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:12]

    def arm_histories(self) -> list[str]:
        """Return the histories of the arms' classifiers."""
        return [
            path
            for arm in self.study.settings.trained_arms
            for path in self.places.each_fold(f"arms/{arm}.history.csv")
        ]

    def synthesizer_histories(self, name: str) -> list[str]:
        """Return the histories of a synthesizer's trainings, each once."""
        own = dict.fromkeys(
            self.study.synthesizer_replicate(replicate) for replicate in self.study.replicates
        )
        return [
            path
            for replicate in own
            for fold in self.study.folds
            for path in self.places.generators(replicate, fold, [name], ".history.csv")
        ]

    def drawn_from(self) -> list[str]:
        """Return every file that figures and report read."""
        return [
            *self.places.data(),
            *(path for figure in self.figures() for path in figure.files()),
        ]
