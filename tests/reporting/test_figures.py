import math
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

import made_up
from augtrial.cohort.lesion import Cohort
from augtrial.core.errors import UserError
from augtrial.core.io import read_arrays, read_histories, read_table, write_table
from augtrial.pipeline.figure_specs import FigureSpecs
from augtrial.pipeline.study import Study
from augtrial.reporting import published_results
from augtrial.reporting.figures.calibration import draw_calibration
from augtrial.reporting.figures.confusion import draw_confusion
from augtrial.reporting.figures.contact_sheet import draw_contact_sheet
from augtrial.reporting.figures.contrasts import draw_contrasts
from augtrial.reporting.figures.embedding import draw_embedding
from augtrial.reporting.figures.endpoints import draw_endpoints
from augtrial.reporting.figures.fidelity import draw_fidelity
from augtrial.reporting.figures.image_grid import SIDE, ImageRow, draw_image_grid, spread
from augtrial.reporting.figures.losses import draw_losses
from augtrial.reporting.figures.pairs import draw_pairs
from augtrial.reporting.figures.progress import draw_progress
from augtrial.reporting.figures.roc import draw_roc
from augtrial.reporting.figures.samples import draw_samples
from augtrial.reporting.figures.size_curve import draw_size_curve
from augtrial.reporting.figures.subsets import draw_subsets
from augtrial.reporting.figures.training import draw_training, thinned
from augtrial.reporting.figures.updates import draw_updates
from augtrial.reporting.figures.wording import listed, percent, points, shortened

PANELS = {
    "Loss": {"loss_d": "discriminator", "loss_g": "generator"},
    "Called real": {"d_real": "real, D(x)", "d_fake": "synthetic, D(G(z))"},
}
ODD = ("a class", "NA", "$x_1$ & <y>")  # names that a careless reader or renderer trips over


def size_curve(tables, style):
    made = made_up.settings()
    return draw_size_curve(
        tables["curve"],
        tables["endpoints"],
        style,
        curves={name: curve.model_dump() for name, curve in made.curves.items()},
        arms={name: arm.model_dump() for name, arm in made.arms.items()},
    )


def embedding(style):
    rows = [
        (arm, f"l{n}", "", style.classes[n % len(style.classes)], kind, float(n), float(n**2 % 7))
        for arm in ("classic", "classic+dcgan")
        for n in range(6)
        for kind in ("roi", "variant")
    ]
    columns = ["arm", "lesion_id", "patient_id", "label", "image", "x", "y"]
    neighbours = pd.DataFrame(
        {"arm": ["classic", "classic+dcgan"], "neighbours": 5, "accuracy": [0.25, 0.5]}
    )
    return draw_embedding(pd.DataFrame(rows, columns=columns), neighbours, style)


def losses(style):
    runs = [
        made_up.synthesizer_history(network).assign(replicate=1, fold=fold)
        for network in style.classes
        for fold in (1, 2)
    ]
    return draw_losses(pd.concat(runs), style, synthesizer="dcgan", panels=PANELS)


def training(style):
    runs = [
        pd.DataFrame({"arm": arm, "update": range(1, n + 1), "loss": 1.0, "accuracy": 0.5}).assign(
            replicate=1, fold=fold
        )
        for arm, n in (("none", 20), ("classic", 900))
        for fold in (1, 2)
    ]
    return draw_training(pd.concat(runs), style)


def samples(style):
    synthetic = {f"images/{label}": np.zeros((9, 8, 8), np.uint8) for label in style.classes}
    return draw_samples(made_up.rois(style.classes), synthetic, style, synthesizer="dcgan")


def progress(style):
    grids = {f"images/{label}": np.zeros((2, 8, 8, 8), np.uint8) for label in style.classes}
    return draw_progress({"updates": np.array([1, 70]), **grids}, style, synthesizer="dcgan")


def pairs(style):
    made = {
        f"dcgan/{side}/{label}": np.full((3, 8, 8), 90, np.uint8)
        for label in style.classes
        for side in ("samples", "training")
    }
    return draw_pairs(made, style, synthesizer="dcgan")


def contact_sheet(style):
    arrays = made_up.rois(style.classes, each=9)
    return draw_contact_sheet(arrays, made_up.measured(arrays), style)


FIGURES = {
    "contrasts": lambda tables, style: draw_contrasts(tables["contrasts"], style),
    "endpoints": lambda tables, style: draw_endpoints(tables["endpoints"], style),
    "confusion": lambda tables, style: draw_confusion(tables["confusion"], style),
    "calibration": lambda tables, style: draw_calibration(
        tables["reliability"], tables["calibration"], style
    ),
    "roc": lambda tables, style: draw_roc(tables["roc"], style),
    "fidelity": lambda tables, style: draw_fidelity(tables["fidelity_means"], style),
    "pairs": lambda _, style: pairs(style),
    "size_curve": size_curve,
    "subsets": lambda tables, style: draw_subsets(
        tables["subsets"], tables["subset_contrasts"], style
    ),
    "updates": lambda tables, style: draw_updates(tables["updates"], style),
    "embedding": lambda _, style: embedding(style),
    "losses": lambda _, style: losses(style),
    "training": lambda _, style: training(style),
    "samples": lambda _, style: samples(style),
    "progress": lambda _, style: progress(style),
    "contact_sheet": lambda _, style: contact_sheet(style),
}


@pytest.fixture(scope="module")
def tables():
    return made_up.tables()


@pytest.mark.parametrize("name", FIGURES)
def test_same_data_gives_the_same_bytes_and_the_csv_holds_the_data(name, tables, tmp_path):
    for place in ("first", "second"):
        drawing = FIGURES[name](tables, made_up.style())
        folder = tmp_path / place
        folder.mkdir()
        drawing.save(*(folder / f"{name}.{suffix}" for suffix in ("svg", "pdf", "csv")))
    for suffix in ("svg", "pdf", "csv"):
        one, other = (tmp_path / p / f"{name}.{suffix}" for p in ("first", "second"))
        assert one.read_bytes() == other.read_bytes()
    svg = ElementTree.parse(tmp_path / "first" / f"{name}.svg").getroot()
    assert svg.findtext(".//{http://purl.org/dc/elements/1.1/}description") == drawing.alt
    links = [value for node in svg.iter() for key, value in node.attrib.items() if "href" in key]
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert len(pd.read_csv(tmp_path / "first" / f"{name}.csv")) == len(drawing.data) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_one_replicate_without_patients_and_with_odd_class_names_is_drawn(name, tmp_path):
    odd = made_up.tables(classes=ODD, replicates=1, patients=False)
    drawing = FIGURES[name](odd, made_up.style(ODD))
    drawing.save(*(tmp_path / f"{name}.{suffix}" for suffix in ("svg", "pdf", "csv")))
    ElementTree.parse(tmp_path / f"{name}.svg")
    assert "paper" not in "".join(drawing.data.get("layer", drawing.data.get("kind", [""])))


def test_the_forest_plot_shows_the_differences_of_the_table(tables):
    shown = draw_contrasts(tables["contrasts"], made_up.style()).data
    merged = shown.merge(tables["contrasts"], on=["contrast", "endpoint", "class"])
    assert len(merged) == len(shown) == 4 * len(made_up.CONTRASTS)
    for column in ("difference", "low", "high"):
        np.testing.assert_array_equal(merged[f"{column}_x"], merged[f"{column}_y"])


def test_the_paper_stands_beside_the_arm_of_its_recipe(tables):
    shown = draw_endpoints(tables["endpoints"], made_up.style()).data
    accuracy = shown[shown["endpoint"] == "accuracy"].set_index("arm")["paper_value"]
    assert math.isnan(accuracy["none"])
    assert accuracy["classic"] == 143 / 182
    assert accuracy["classic+dcgan"] == 156 / 182
    curve = size_curve(tables, made_up.style()).data
    assert set(curve.loc[curve["layer"] == "paper", "name"]) == {
        published_results.CLASSIC,
        published_results.DCGAN,
    }


def test_other_classes_have_nothing_of_the_paper():
    odd = made_up.tables(classes=ODD)
    assert draw_endpoints(odd["endpoints"], made_up.style(ODD)).data["paper_value"].isna().all()
    assert set(draw_confusion(odd["confusion"], made_up.style(ODD)).data["kind"]) == {"arm"}
    assert set(size_curve(odd, made_up.style(ODD)).data["layer"]) == {"curve", "arm"}


def test_a_confusion_matrix_is_the_mean_over_replicates(tables):
    data = draw_confusion(tables["confusion"], made_up.style()).data
    data = data[(data["kind"] == "arm") & (data["name"] == "classic")]
    counts = tables["confusion"].query("arm == 'classic'").groupby(["label", "predicted"])["count"]
    shown = data.set_index(["label", "predicted"])["count"].sort_index()
    np.testing.assert_allclose(shown, counts.mean().sort_index())
    np.testing.assert_allclose(data.groupby("label")["share"].sum(), 1)


def test_controls_are_no_points_of_the_size_curve():
    arms = {
        "classic": {"classic": 40},
        "classic+more": {"classic": 40, "extra_classic": 10},
        "size": {"baseline": "size"},
    }
    contrasts = ["classic+more - classic"]
    study = Study(made_up.settings(arms=arms, curves={}, contrasts=contrasts), Cohort("", ()), [])
    assert list(FigureSpecs(study).plain_arms()) == ["classic"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figures_speak_the_words_that_the_config_gives(name, tables, tmp_path):
    """Every text that is no number is written differently, and none is lost."""

    def written(style):
        drawing = FIGURES[name](tables, style)
        drawing.save(tmp_path / "a.svg", tmp_path / "a.pdf", tmp_path / "a.csv")
        return {text.get_text() for text in drawing.figure.findobj(Text)}

    plain = written(made_up.style())
    words = sorted(text for text in plain if re.search("[A-Za-z]{3}", text))
    assert words
    other = written(made_up.style(labels={word: f"<{n}>" for n, word in enumerate(words)}))
    assert not other & set(words)
    assert {text for text in other if "<" in text} == {f"<{n}>" for n in range(len(words))}


def test_words_replace_whole_texts_lines_and_names():
    style = made_up.style(labels={"none": "keine", "Accuracy, percent": "Genauigkeit, Prozent"})
    assert style.label("none") == "keine"
    assert style.label("classic \N{MINUS SIGN} none") == "classic \N{MINUS SIGN} keine"
    assert style.label("curve: none") == "curve: keine"
    assert style.label("Accuracy, percent\nnonetheless") == "Genauigkeit, Prozent\nnonetheless"


def test_arms_are_shown_in_the_order_that_the_config_gives():
    made = made_up.settings(figures={"order": ["classic+dcgan"]})
    drawings = FigureSpecs(Study(made, Cohort("", ()), []))
    assert drawings.style()["arms"] == ["classic+dcgan", "none", "classic"]
    with pytest.raises(UserError, match=r"figures.order: unknown arm 'clasic'; did you mean"):
        made_up.settings(figures={"order": ["clasic"]})


def test_arms_keep_their_colours_when_one_is_missing():
    style = made_up.style()
    assert style.ordered(["new", "classic", "none"]) == ["none", "classic", "new"]
    colours = [style.colour(arm) for arm in made_up.ARMS]
    assert len(set(colours)) == len(made_up.ARMS)
    assert style.colour("new") not in colours
    assert [made_up.style().colour(arm) for arm in made_up.ARMS] == colours


def test_losses_draw_the_columns_that_a_synthesizer_names():
    updates = np.arange(1, 41)
    runs = pd.concat(
        pd.DataFrame(
            {
                **{"network": "all", "update": updates, "replicate": 1, "fold": fold},
                **{"critic": np.where(updates == 3, -900.0, -5.0), "penalty": 0.5, "empty": np.nan},
            }
        )
        for fold in (1, 2)
    )
    panels = {
        "Critic": {"critic": "Wasserstein estimate"},
        "Penalty": {"penalty": "gradient penalty"},
        "None": {"empty": "never written"},
    }
    drawing = draw_losses(runs, made_up.style(), synthesizer="wgan", panels=panels)
    assert list(drawing.data) == ["network", "replicate", "fold", "update", "critic", "penalty"]
    assert "Critic: Wasserstein estimate -5.00; Penalty: gradient penalty 0.50." in drawing.alt
    critic, penalty = drawing.figure.axes
    assert [axis.get_ylabel() for axis in (critic, penalty)] == ["Critic", "Penalty"]
    assert -50 < critic.get_ylim()[0] <= -5  # negative losses are seen, and one spike is cut off
    assert penalty.get_ylim() == (0, 1.5)


def test_losses_draw_columns_that_few_rows_have():
    history = pd.concat(
        made_up.synthesizer_history("all", 6).assign(replicate=1, fold=fold) for fold in (1, 2)
    )
    history["coverage"] = history["update"].map({3: 0.25, 6: 0.75})
    panels = {"Loss": {"loss_g": "generator"}, "Samples": {"coverage": "coverage"}}
    drawing = draw_losses(history, made_up.style(), synthesizer="dcgan", panels=panels)
    assert "Samples: coverage 0.75." in drawing.alt
    losses, samples = drawing.figure.axes
    assert [line.get_xdata().tolist() for line in samples.lines] == 3 * [[3, 6]]
    assert samples.lines[-1].get_ydata().tolist() == [0.25, 0.75]
    assert [axis.lines[-1].get_marker() for axis in (losses, samples)] == ["None", "."]


def test_pictures_stand_where_the_csv_says(tmp_path):
    arrays = made_up.rois()
    style = made_up.style(examples=2)
    synthetic = {f"images/{label}": arrays["images"][:1] for label in style.classes[:2]}
    data = draw_samples(arrays, synthetic, style, synthesizer="dcgan").data
    assert set(data["class"]) == {"cyst", "metastasis"}  # a class without images is left out
    assert data[data["source"] == "real"].groupby("row").size().tolist() == [2, 2]
    assert data[data["source"] == "dcgan"]["sample"].tolist() == [0, 0]


def test_pixels_stay_sharp_and_grey_levels_are_not_stretched(tmp_path):
    image = np.full((8, 8), 100, np.uint8)
    image[3, 4] = 140
    figure = draw_image_grid([ImageRow([image])], 1)
    shown = figure.axes[0].get_images()[0]
    assert (shown.get_clim(), shown.get_interpolation()) == ((0, 255), "none")
    assert set(np.unique(shown.get_array())) == {100, 140, 255}
    assert (shown.get_array() == 140).sum() == (SIDE // 8) ** 2
    figure.savefig(tmp_path / "row.png", dpi=200)
    assert Image.open(tmp_path / "row.png").size[0] > SIDE


def test_examples_are_spread_evenly():
    assert spread(10, 5) == [0, 2, 4, 6, 8]
    assert spread(3, 8) == [0, 1, 2]
    assert spread(0, 8) == []


def test_histories_know_their_replicate_and_fold(tmp_path):
    paths = []
    for replicate, fold in ((1, 2), (12, 3)):
        path = tmp_path / f"replicate{replicate}/fold{fold}/dcgan/history.csv"
        path.parent.mkdir(parents=True)
        names = ("NA", "01")
        pd.concat(map(made_up.synthesizer_history, names)).to_csv(path, index=False)
        paths.append(path)
    history = read_histories(paths)
    assert history[["replicate", "fold"]].drop_duplicates().values.tolist() == [[1, 2], [12, 3]]
    assert set(history["network"]) == {"NA", "01"}


def test_long_histories_are_thinned_to_means():
    history = pd.DataFrame({"arm": "a", "update": range(1, 20001), "loss": 2.0})
    short = thinned(history, x="update", y="loss", by=["arm"])
    assert len(short) <= 150
    assert short["update"].max() == 20000
    assert (short["loss"] == 2).all()


def test_names_that_look_like_missing_values_are_read_as_names(tmp_path):
    (tmp_path / "t.csv").write_text("arm,class,value,sd\nNone,NA,0.5,\n007,nan,1,0.1\n")
    table = read_table(tmp_path / "t.csv")
    assert table["arm"].tolist() == ["None", "007"]
    assert table["class"].tolist() == ["NA", "nan"]
    assert math.isnan(table["sd"][0])


def test_arrays_of_several_files_are_joined_by_name(tmp_path):
    for name in ("a", "b"):
        np.savez(tmp_path / f"{name}.npz", updates=np.array([1, 2]), **{name: np.zeros(1)})
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    arrays = read_arrays(paths)
    assert arrays["updates"].tolist() == [1, 2, 1, 2]
    assert {"a", "b"} <= set(arrays)


def test_numbers_are_written_for_people():
    assert percent(0.786) == "78.6"
    assert percent(math.nan) == "–"
    assert [points(value) for value in (0.0123, -0.0123, -1e-17)] == ["+1.2", "−1.2", "0.0"]
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert shortened("lesion_000123", 7) == "…000123"


def test_only_contrasts_that_are_not_evaluable_are_marked_so(tmp_path):
    table = made_up.tables()["contrasts"]
    unfit = table["contrast"] == made_up.CONTRASTS[1]
    write_table(tmp_path / "c.csv", table.assign(not_evaluable=np.where(unfit, "collapsed", "")))
    for read in (read_table(tmp_path / "c.csv"), table.drop(columns="not_evaluable")):
        drawing = draw_contrasts(read, made_up.style())
        texts = [t.get_text() for axis in drawing.figure.axes for t in axis.texts]
        marked = sum("not evaluable" in text for text in texts)
        assert marked == (4 if "not_evaluable" in read else 0), texts
