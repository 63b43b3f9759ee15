import re
from html.parser import HTMLParser

import pandas as pd
import pytest

import made_up
from augtrial.config.arms import Arm
from augtrial.reporting.figures.contrasts import draw_contrasts
from augtrial.reporting.figures.wording import percent, points
from augtrial.reporting.report.checklist import checklist
from augtrial.reporting.report.page import EmbeddedFigure, write_page
from augtrial.reporting.report.prose import recipe
from augtrial.reporting.report.tables import comparison, setting_rows

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: every tag closed in order; keeps attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def tables():
    return made_up.tables()


@pytest.fixture(scope="module")
def figure(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("figure")
    drawing = draw_contrasts(tables["contrasts"], made_up.style())
    drawing.save(*(folder / f"contrasts.{suffix}" for suffix in ("svg", "pdf", "csv")))
    svg = (folder / "contrasts.svg").read_text(encoding="utf-8")
    return EmbeddedFigure("contrasts", svg, "**Title.** What it\nshows & why.\n")


def page_of(tables, figures=(), note="", **changes):
    made = changes.pop("settings", None)
    html = made_up.write_page(made_up.record(made, **changes), tables, figures, note)
    return html, Page(html)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(tables, figure):
    html, page = page_of(tables, [figure], note="A demonstration & no more.")
    assert html.lstrip().startswith("<!DOCTYPE html>")
    assert page.of("html")[0]["lang"] == "en"
    assert any(meta.get("name") == "viewport" for meta in page.of("meta"))
    assert not re.search(r"""(src|href|action|data)\s*=\s*["']?\s*(https?:)?//""", html)
    assert not re.search(r"@import|url\(", html)
    assert not page.of("link")
    assert "A demonstration & no more." in page.text


def test_every_link_of_the_contents_leads_somewhere(tables, figure):
    _, page = page_of(tables, [figure])
    places = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    links = [attrs["href"] for attrs in page.of("a")]
    assert len(places) == len(set(places))
    assert links
    assert all(link.removeprefix("#") in places for link in links)


def test_every_figure_has_its_description_and_caption(tables, figure):
    _, page = page_of(tables, [figure])
    image = page.of("img")[0]
    assert image["src"].startswith("data:image/svg+xml;base64,")
    assert image["alt"] == figure.alt
    assert "Macro sensitivity" in image["alt"]
    assert int(image["width"]) > 300
    assert "What it shows & why." in page.text


def test_every_arm_and_contrast_is_there_with_the_numbers_of_the_tables():
    tables = made_up.tables(replicates=3)
    _, page = page_of(tables, replicates=[1, 2, 3])
    for arm in made_up.ARMS:
        assert arm in page.text
    for row in tables["contrasts"].query("`class` == 'macro' and low == low").itertuples():
        assert f"{points(row.low)} to {points(row.high)}" in page.text
    lead = tables["contrasts"].query("endpoint == 'sensitivity' and `class` == 'macro'").iloc[0]
    assert f"Macro sensitivity: {points(lead.difference)} points" in page.text
    assert page.text.index("Differences") < page.text.index("Endpoints by arm")


def test_the_comparison_holds_the_table_and_the_papers_columns(tables):
    table = comparison(tables["endpoints"], list(made_up.PAPER_CLASSES))
    names = [row[0].text for row in table.rows]
    assert names[:3] == [f"Sensitivity, {label}" for label in made_up.PAPER_CLASSES]
    assert names[3:5] == ["Sensitivity, macro", "Sensitivity, weighted"]
    column = table.columns.index("classic+dcgan")
    values = tables["endpoints"].query("arm == 'classic+dcgan'")["value"]
    assert [row[column].text for row in table.rows] == [percent(value) for value in values]
    theirs = table.columns.index("paper: classic + DCGAN")
    shown = dict(zip(names, (row[theirs].text for row in table.rows), strict=True))
    assert shown["Sensitivity, weighted"] == "85.7"
    assert shown["AUC"] == ""


def test_other_classes_get_no_column_of_the_paper():
    odd = made_up.tables(classes=("a b", "NA", "<c>"))
    table = comparison(odd["endpoints"], ["a b", "NA", "<c>"])
    assert table.columns == ["Endpoint", *made_up.ARMS]
    html, page = page_of(odd, classes={"a b": 8, "NA": 8, "<c>": 8})
    assert "Sensitivity, <c>" in page.text
    assert "<c>" not in html


def test_few_replicates_are_no_verdict(tables):
    assert "2 replicates: values without intervals" in page_of(tables)[1].text
    three = page_of(tables, replicates=[1, 2, 3])[1].text
    assert "3 replicates: the intervals are not a verdict" in three
    assert "not a verdict" not in page_of(tables, replicates=list(range(1, 7)))[1].text


def test_one_replicate_and_no_patients_and_given_folds_are_said():
    lone = made_up.tables(replicates=1, patients=False)
    changes = {"replicates": [1], "patients": None, "given_folds": True}
    text = page_of(lone, **changes, conditional_on="the split and the synthesizer")[1].text
    assert "1 replicate: values without intervals, since the randomness of training" in text
    assert "has no patient ids" in text
    assert "which only their author can say" in text
    assert "conditional on the split and the synthesizer: the replicates" in text
    assert text.count("Conditional on the split and the synthesizer.") == 7  # every results table
    assert "2 given folds and 1 replicate." in text
    assert "sd " not in text.split("Endpoints by arm")[-1].split("Quality of the synthetic")[0]


def test_a_study_without_contrasts_is_reported(tables):
    names = ("contrasts", "verdicts", "secondary", "fidelity_means")
    bare = {**tables, **{name: tables[name].iloc[:0] for name in names}}
    assert "names no contrasts" in page_of(bare)[1].text


def test_recipes_are_sentences():
    made = made_up.settings()
    assert recipe(Arm(), made) == "The lesions' own ROIs; trained for 150 epochs."
    arm = Arm(
        originals=False,
        classic="all",
        synthetic={"dcgan": {"cyst": 5, "metastasis": 1000}},
        transforms=["GaussNoise", {"Blur": None}],
        budget={"updates": 1},
    )
    assert recipe(arm, made) == (
        "All their classic variants and synthetic images of dcgan per fold (5 of cyst and 1,000 of "
        "metastasis); the variants further transformed by GaussNoise and Blur; trained for 1 "
        "update."
    )


def test_networks_are_described_in_the_words_that_are_handed_over(tables):
    made = made_up.record()
    words = {"synthesizers": {"mine": "A model of my own."}, "classifier": "A forest."}
    text = Page(write_page(made, results=tables, figures=[], **words)).text
    assert "Synthesizer mine A model of my own. Fitness of the synthesizers For each fold" in text
    assert "Classifier A forest. Trained for 150" in text
    assert "DCGAN for" not in text
    settings = made_up.settings(share_synthesizer=True, folds={"split": "one"})
    shared = Page(write_page(made_up.record(settings), results=tables, figures=[], **words)).text
    assert "A model of my own. All replicates share it." in shared


def test_every_setting_that_was_used_is_listed_with_its_meaning(tables):
    made = made_up.settings(classifier={"dropout": 0.25})
    rows = {row[0].text: (row[1].text, row[2].text) for row in setting_rows(made).rows}
    assert rows["classifier.dropout"][0] == "0.25"
    assert rows["synthesizers.dcgan.generator_channels"][0] == "[1024, 512, 256, 128]"
    assert rows["arms.classic+dcgan.synthetic"][0] == '{"dcgan": 10}'
    assert all(meaning for _, meaning in rows.values())
    assert not any(key.startswith(("figures", "note")) for key in rows)
    assert "dropout 0.25" in page_of(tables, settings=made)[1].text


def test_where_the_numbers_come_from_is_told(tables):
    text = page_of(tables)[1].text
    for word in ("0123456789ab", "2.12.1", "12 trainings", "predictions.csv"):
        assert word in text


def test_missing_numbers_are_dashes(tables):
    holes = tables["endpoints"].copy()
    holes.loc[holes["endpoint"] == "auc", ["value", "low", "high", "sd"]] = float("nan")
    table = comparison(pd.DataFrame(holes), list(made_up.PAPER_CLASSES))
    assert [cell.text for cell in table.rows[-1][1:4]] == ["–"] * 3


def test_the_checklist_answers_what_the_study_knows_and_leaves_the_rest_to_the_author(tables):
    record = made_up.record()
    settings = made_up.settings()
    answers = {
        row[1].text: row[2].text for row in checklist(record, settings, tables["verdicts"]).rows
    }
    assert answers["ensembles"] == "None."
    assert answers["funding and the role of funders"] == "for the author"
    assert "2 contrasts" in answers["statistics and uncertainty"]
    assert "margin 3 points" in answers["statistics and uncertainty"]
    assert record["config_hash"] in answers["registration and full protocol"]
    assert f"{record['lesions']} lesions" in answers["intended sample size and how it was found"]
    assert "checklist after CLAIM" in page_of(tables)[1].text


LOCK = {"lock": "a.lock.json", "hash": "abc", "date": "2026-02-01 09:00:00 UTC"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "The study was not registered before the run."),
        (
            {"first_predictions": "2026-02-01 10:00:00 UTC", "deviations": []},
            "The study was registered before the run by the lock a.lock.json (hash abc) of "
            "2026-02-01 09:00:00 UTC; the first predictions are of 2026-02-01 10:00:00 UTC. The "
            "lock was kept.",
        ),
        (
            {"first_predictions": "2026-02-01 10:00:00 UTC", "deviations": ["a < 1", "b"]},
            "of 2026-02-01 10:00:00 UTC. The lock was not kept: 2 deviations. a < 1 b",
        ),
        (
            {"first_predictions": "2026-01-31 10:00:00 UTC", "deviations": []},
            "The study was not registered before the run. Its lock a.lock.json (hash abc) of "
            "2026-02-01 09:00:00 UTC was written after results existed; the first predictions are "
            "of 2026-01-31 10:00:00 UTC. The lock was kept.",
        ),
    ],
)
def test_the_report_tells_whether_the_study_was_registered_and_kept_its_lock(tables, changes, told):
    record = made_up.record(registration={**LOCK, **changes} if changes else {})
    assert told in Page(made_up.write_page(record, tables)).text
    rows = checklist(record, made_up.settings(), tables["verdicts"]).rows
    answers = {row[1].text: row[2].text for row in rows}
    assert told.split(".")[0] in answers["registration and full protocol"]


def test_copies_are_told_in_words(tables):
    text = page_of(tables)[1].text
    assert (
        "dcgan: more than expected by chance, suspected copies of cyst in 1 of 4 trainings" in text
    )
    means = tables["fidelity_means"].assign(significant=0)
    means.loc[means["detectable"].notna(), "detectable"] = [0.121, 0.3, float("inf")]
    text = page_of({**tables, "fidelity_means": means})[1].text
    assert "dcgan: no evidence that it repeats training lesions. Copies are found in" in text
    assert "images: cyst 13 %, metastasis 30 % and hemangioma not detectable." in text


def test_a_synthesizer_that_failed_is_named_with_its_diagnosis(tables):
    text = Page(made_up.write_page(made_up.record(), tables)).text
    told = "dcgan does not cover the real lesions (cyst: coverage 5 %, held-out lesions 76 %)."
    assert f"{told} Its arms are not evaluable." in text
    assert "cyst coverage 0.05 0.76 at least 0.38 not fit 200, 30, 12" in text


def test_fitness_that_was_not_judged_is_a_caution(tables):
    made = made_up.record()
    made["settings"]["fitness"] = False
    text = Page(made_up.write_page(made, tables)).text
    assert "The fitness of the synthesizers was not judged" in text
