"""What a study draws: its figures and its report, and the files that they are made from."""

import hashlib
from pathlib import Path
from typing import Any

from augtrial.places import Places
from augtrial.source import PACKAGE
from augtrial.study import Study


class Drawings:
    """The figures and the report of a study."""

    def __init__(self, study: Study) -> None:
        """Name the figures of a study."""
        self.study = study
        self.places = Places(study)

    def figures(self) -> dict[str, str]:
        """Return the study's figures in the report's order: name to kind."""
        kinds = ["contrasts"] if self.study.settings.contrasts else []
        kinds += ["endpoints", "confusion", "roc", "calibration"]
        kinds += ["size_curve"] if self.study.settings.curves else []
        kinds += ["updates"] if self.study.settings.classifier.stops else []
        kinds += ["subsets"] if self.study.subset_replicates else []
        kinds += ["embedding"] if self.study.embedding_arms() else []
        kinds += ["contact_sheet"]
        of_synthesizers = {
            f"{kind}_{name}": kind
            for name in self.study.settings.used_synthesizers
            for kind in ("samples", "progress", "losses")
        }
        appraised = self.study.settings.appraised_synthesizers
        of_synthesizers |= {"fidelity": "fidelity"} if appraised else {}
        of_synthesizers |= {f"pairs_{name}": "pairs" for name in appraised}
        return {kind: kind for kind in kinds} | of_synthesizers | {"training": "training"}

    def figure_files(self, suffix: str) -> list[str]:
        """Return the figures' files of one kind: svg, pdf, or csv for their data."""
        return [f"{self.study.root}/figures/{name}.{suffix}" for name in self.figures()]

    def drawn(self) -> list[str]:
        """Return the files of the figures, and the report."""
        files = [path for suffix in ("svg", "pdf", "csv") for path in self.figure_files(suffix)]
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
            name: (Path(folder) / f"{kind}.rst").read_text(encoding="utf-8")
            for name, kind in self.figures().items()
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
            for path in self.places.generators(replicate, fold, name, ".history.csv")
        ]

    def shown_arrays(self, synthesizer: str) -> list[str]:
        """Return the first fold's samples and progress, which stand for all in pictures."""
        fold = self.study.folds[0]
        progress = self.places.generators(1, fold, synthesizer, ".progress.npz")
        return [*self.places.samples(1, fold, [synthesizer]), *progress]

    def drawn_from(self) -> list[str]:
        """Return every file that figures and report read."""
        files = [*self.places.data(), *self.arm_histories()]
        files += [self.places.rois(1, part) for part in self.study.folds]
        for name in self.study.settings.used_synthesizers:
            files += [*self.synthesizer_histories(name), *self.shown_arrays(name)]
        files += self.places.appraisals(".npz")[:1]
        return files
