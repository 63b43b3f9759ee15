"""Models of a study: they draw the predictions of its arms and know the true endpoints."""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from augtrial.statistics.classification import ClassificationPanel as Panel
from augtrial.statistics.classification import panel_outcomes

Truth = dict[tuple[str, str], np.ndarray]  # endpoint and class -> the arms' true values
BIG, MANY = 1000, 6  # lesions and replicates of a study that adds to the true AUC
GIVEN = 4000, 15  # the same of the one study that has the true AUC of given folds


@dataclass(frozen=True)
class Probit:
    """Lesion i of class c is right in arm a and replicate r if its score is above zero.

    score = level[a][c] + patient + lesion + lesion x arm + split + network + e, each effect normal
    with its variance relative to e's. `share` are the classes' shares of the lesions. With
    `given_folds` every replicate has the same split, and `fold_arm` is the variance of what each
    fold's arm keeps in all of them. In a share `collapsed` of the trainings the network knows one
    class only. A share `flipped` of the answers is turned round, anew in every replicate.
    """

    lesions: int
    levels: tuple[tuple[float, ...], ...]  # sensitivity of each arm to each class
    effects: dict[str, float]
    share: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
    folds: int = 3
    replicates: int = 6
    patients: float = 113 / 182  # per lesion, as in the built-in cohort
    given_folds: bool = False
    fold_arm: float = 0.0
    collapsed: float = 0.0
    flipped: float = 0.0

    @property
    def sizes(self) -> np.ndarray:
        """How many lesions each class has."""
        sizes = np.floor(np.array(self.share) * self.lesions).astype(int)
        sizes[0] += self.lesions - sizes.sum()
        return sizes

    def study(self, generator: np.random.Generator) -> tuple[list[Panel], Truth | None]:
        """Return a study's arms and, with given folds, the truth for its split and synthesizers."""
        classes, arms = len(self.share), len(self.levels)
        persistent = math.sqrt(self.fold_arm) * generator.normal(size=(self.folds, arms, classes))
        made = self._draw(generator, self.sizes, self.replicates, persistent)
        if not self.given_folds:
            return made, None
        fold, label = made[0].fold[:, 0], made[0].label
        rates = [
            [self._rate(a, c, persistent[fold[label == c], a, c]).mean() for c in range(classes)]
            for a in range(arms)
        ]
        return made, self._truth(np.array(rates)) | self._areas(generator, persistent, *GIVEN)

    def truth(self, areas: list[Truth]) -> Truth:
        """Return the true endpoints of every arm, over splits, synthesizers and patients.

        The AUC has no formula: it is the mean of `areas`, from `areas_of_one`.
        """
        arms, classes = len(self.levels), len(self.share)
        rates = [[self._rate(a, c, 0.0) for c in range(classes)] for a in range(arms)]
        mean = np.mean([area["auc", "macro"] for area in areas], axis=0)
        if len(set(self.levels)) == 1:  # equal arms
            mean[:] = mean.mean()
        return self._truth(np.array(rates)) | {("auc", "macro"): mean}

    def areas_of_one(self, generator: np.random.Generator) -> Truth:
        """Return the arms' AUC in one large study."""
        shape = (self.folds, len(self.levels), len(self.share))
        return self._areas(generator, math.sqrt(self.fold_arm) * generator.normal(size=shape))

    def _areas(
        self,
        generator: np.random.Generator,
        persistent: np.ndarray,
        lesions: int = BIG,
        replicates: int = MANY,
    ) -> Truth:
        sizes = np.maximum(1, np.round(np.array(self.share) * lesions)).astype(int)
        arms = self._draw(generator, sizes, replicates, persistent)
        return {("auc", "macro"): np.array([auc(arm) for arm in arms])}

    def _rate(self, arm: int, c: int, shift: np.ndarray | float) -> np.ndarray:
        """Return the sensitivity of an arm to a class whose scores a fold shifts."""
        hit = stats.norm.cdf(stats.norm.ppf(self.levels[arm][c]) + shift / self._total)
        hit = hit * (1 - self.flipped) + (1 - hit) * self.flipped
        return (1 - self.collapsed) * hit + self.collapsed / len(self.share)

    @property
    def _total(self) -> float:
        return math.sqrt(1 + sum(self.effects.values()))

    def _truth(self, rates: np.ndarray) -> Truth:
        """Return the endpoints that follow from the sensitivities [arms, classes]."""
        sizes, classes = self.sizes, len(self.share)
        rest = sizes.sum() - sizes
        wrong = (1 - rates) / (classes - 1) * sizes  # of a class's lesions, called each other one
        specificity = 1 - (wrong.sum(axis=1, keepdims=True) - wrong) / rest
        return {
            ("sensitivity", "macro"): rates.mean(axis=1),
            ("sensitivity", str(classes - 1)): rates[:, -1],
            ("specificity", "macro"): specificity.mean(axis=1),
            ("accuracy", "all"): rates @ sizes / sizes.sum(),
        }

    def _draw(
        self,
        generator: np.random.Generator,
        sizes: np.ndarray,
        replicates: int,
        persistent: np.ndarray,
    ) -> list[Panel]:
        lesions, classes = int(sizes.sum()), len(sizes)
        label = generator.permutation(np.repeat(np.arange(classes), sizes))
        case = patients_of(lesions, self.patients, generator)
        sd = {name: math.sqrt(value) for name, value in self.effects.items()}
        shared = sd["patient"] * generator.normal(size=case.max() + 1)[case, None]
        shared = shared + sd["lesion"] * generator.normal(size=(lesions, 1))
        # A patient's lesions share a fold.
        splits = 1 if self.given_folds else replicates
        order = [generator.permutation(case.max() + 1) % self.folds for _ in range(splits)]
        fold = np.resize(np.stack(order), (replicates, case.max() + 1))[:, case].T
        column = np.arange(replicates)
        split = sd["split"] * generator.normal(size=(self.folds, replicates))[fold, column]
        made = []
        for arm, levels in enumerate(self.levels):
            network = sd["network"] * generator.normal(size=(self.folds, replicates, classes))
            score = self._total * stats.norm.ppf(levels)[label, None] + shared + split
            score = score + sd["lesion_arm"] * generator.normal(size=(lesions, 1))
            score = score + network[fold, column, label[:, None]]
            score = (
                score + persistent[fold, arm, label[:, None]] + generator.normal(size=fold.shape)
            )
            score = np.where(generator.random(fold.shape) < self.flipped, -score, score)
            probability = probabilities(score, label, classes, generator)
            lost = generator.random((self.folds, replicates)) < self.collapsed
            only = generator.integers(classes, size=lost.shape)
            lost, only = lost[fold, column], only[fold, column]
            probability = np.where(lost[..., None], np.eye(classes)[only], probability)
            made.append(panel(str(arm), label, case, fold, probability))
        return made


@dataclass(frozen=True)
class CrossValidated:
    """Small networks are trained and tested on drawn cohorts: nothing about them is assumed.

    Lesions are points in `features` dimensions whose class means lie on a simplex; a patient's
    share a shift. Arm a sees the features with `noise[a]` added. A learner is ridge regression on
    random hidden units, which change with every training, as a network's starting weights do.
    """

    lesions: int
    noise: tuple[float, ...] = (0.0, 0.0)
    distance: float = 1.6
    share: tuple[float, ...] = (1 / 3, 1 / 3, 1 / 3)
    folds: int = 3
    replicates: int = 6
    patients: float = 113 / 182
    features: int = 6
    hidden: int = 20
    fresh: int = 1500  # lesions of new patients that each network is tested on, for the truth
    sizes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Count the lesions of each class."""
        sizes = np.floor(np.array(self.share) * self.lesions).astype(int)
        sizes[0] += self.lesions - sizes.sum()
        object.__setattr__(self, "sizes", sizes)

    def study(self, generator: np.random.Generator) -> tuple[list[Panel], Truth]:
        """Return a study's arms, and how its networks do on fresh lesions."""
        label, case, x = self._cohort(generator, self.sizes)
        fresh, new_case, new_x = self._cohort(
            generator, np.maximum(1, self.fresh * self.sizes // self.lesions)
        )
        patients = case.max() + 1
        split = [generator.permutation(patients) % self.folds for _ in range(self.replicates)]
        fold = np.stack(split)[:, case].T
        classes = len(self.share)
        made, tested = [], []
        for arm, noise in enumerate(self.noise):
            seen = x + noise * generator.normal(size=x.shape)
            new = new_x + noise * generator.normal(size=new_x.shape)
            probability = np.zeros((len(label), self.replicates, classes))
            on_fresh = np.zeros((len(fresh), self.replicates * self.folds, classes))
            for r in range(self.replicates):
                for f in range(self.folds):
                    held = fold[:, r] == f
                    network = self._train(seen[~held], label[~held], generator)
                    probability[held, r] = network(seen[held])
                    on_fresh[:, r * self.folds + f] = network(new)
            made.append(panel(str(arm), label, case, fold, probability))
            one_fold = np.zeros(on_fresh.shape[:2], dtype=int)
            tested.append(panel(str(arm), fresh, new_case, one_fold, on_fresh))
        wanted = wanted_endpoints(classes)
        values = [endpoints(each, wanted) for each in tested]
        return made, {key: np.array([value[key] for value in values]) for key in wanted}

    @property
    def equal(self) -> bool:
        """Whether the arms are equal."""
        return len(set(self.noise)) == 1

    def _cohort(
        self, generator: np.random.Generator, sizes: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        label = generator.permutation(np.repeat(np.arange(len(sizes)), sizes))
        case = patients_of(len(label), self.patients, generator)
        means = np.eye(len(sizes), self.features) * self.distance
        shift = 0.5 * generator.normal(size=(case.max() + 1, self.features))
        return (
            label,
            case,
            means[label] + shift[case] + generator.normal(size=(len(label), self.features)),
        )

    def _train(self, x, label, generator):
        weights = generator.normal(size=(self.features + 1, self.hidden)) / math.sqrt(self.features)

        def units(x: np.ndarray) -> np.ndarray:
            ones = np.ones((len(x), 1))
            return np.hstack([np.maximum(np.hstack([x, ones]) @ weights, 0), x, ones])

        h = units(x)
        target = np.eye(len(self.share))[label]
        solved = np.linalg.solve(h.T @ h + np.eye(h.shape[1]), h.T @ target)
        return lambda x: softmax(4 * units(x) @ solved)


def wanted_endpoints(classes: int) -> list[tuple[str, str]]:
    """Return the endpoints that are simulated: the averages, and the last class's sensitivity."""
    return [
        *(("sensitivity", "macro"), ("sensitivity", str(classes - 1))),
        *(("specificity", "macro"), ("accuracy", "all"), ("auc", "macro")),
    ]


def endpoints(one: Panel, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Return an arm's endpoints, mean over its replicates."""
    found = {(o.endpoint, o.category): float(o.value.mean()) for o in panel_outcomes(one)}
    return {key: found[key] for key in wanted}


def auc(one: Panel) -> float:
    """Return an arm's AUC."""
    return endpoints(one, [("auc", "macro")])["auc", "macro"]


def patients_of(lesions: int, share: float, generator: np.random.Generator) -> np.ndarray:
    """Return the patient of each lesion: every patient has one, some have more."""
    patients = math.ceil(lesions * share)
    more = generator.integers(0, patients, lesions - patients)
    return generator.permutation(np.concatenate([np.arange(patients), more]))


def probabilities(
    score: np.ndarray, label: np.ndarray, classes: int, generator: np.random.Generator
) -> np.ndarray:
    """Return probabilities [n, R, classes] whose largest is the true class where score > 0.

    One other class has the evidence 0, the rest less than it.
    """
    logits = -0.1 - np.abs(generator.normal(size=(*score.shape, classes)))
    rival = (label[:, None] + generator.integers(1, classes, score.shape)) % classes
    np.put_along_axis(logits, rival[..., None], 0.0, axis=2)
    np.put_along_axis(
        logits, np.broadcast_to(label[:, None, None], (*score.shape, 1)), score[..., None], 2
    )
    return softmax(logits)


def softmax(values: np.ndarray) -> np.ndarray:
    """Return values as probabilities along the last axis."""
    grown = np.exp(values - values.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def panel(
    arm: str, label: np.ndarray, case: np.ndarray, fold: np.ndarray, probability: np.ndarray
) -> Panel:
    """Return an arm's panel; its classes are called by their numbers."""
    classes = probability.shape[2]
    return Panel(
        arm=arm,
        classes=tuple(map(str, range(classes))),
        replicates=tuple(range(fold.shape[1])),
        lesion_id=np.arange(len(label)),
        label=label,
        patient_id=case,
        case=case,
        fold=fold,
        has_patients=True,
        predicted=probability.argmax(axis=2),
        probability=probability,
    )
