"""What a planned study could show, in words: the tables of `augtrial plan` for people."""

from collections.abc import Iterator

import pandas as pd

from augtrial.core.names import NON_INFERIOR, SUPERIOR
from augtrial.reporting.figures.wording import percent, points
from augtrial.statistics.components import middle_scenario
from augtrial.statistics.power import AS_PLANNED, TRUTHS, WORDS
from augtrial.statistics.verdicts import CANNOT_TELL, NO_DIFFERENCE, POWER, PRIMARY

RARE = 0.005  # a verdict that no column shows is left out


def power_text(table: pd.DataFrame, margin: float, secondary: int) -> str:
    """Return the tables of a plan (`pipeline.design.plan_table`), in percent and points.

    `margin` is a fraction, `secondary` the number of contrasts that are adjusted.
    """
    planned, twice = table[table["design"] == AS_PLANNED], min(1.0, 2 * margin)
    power = f"found with {percent(POWER, 0)} % power"
    lines = [
        "Power: how probable it is (%) that a true difference is found; points",
        _power(planned, power).to_string(),
        "",
        "Verdict on the primary contrast, by the true difference: how probable it is (%)",
        _verdicts(planned, [0.0, margin, twice]).to_string(),
        "",
        f"What would change the difference {power}, and the power at {_points(twice)}"
        f" ({middle_scenario(table['scenario'])})",
        _changes(table, twice).to_string(),
        "",
    ]
    if secondary:
        lines.append(
            f"Primary: tested at the full level. Secondary: one of {secondary}, adjusted among "
            "themselves (Holm, at its strictest), and exploratory unless the primary is decided."
        )
    return "\n".join([*lines, *_cautions(planned, margin)])


def _power(planned: pd.DataFrame, least: str) -> pd.DataFrame:
    about = ["role", "scenario"]
    columns = list(dict.fromkeys(zip(planned["role"], planned["scenario"], strict=True)))
    found = planned.pivot(index="truth", columns=about, values="power")[columns]
    found = found.loc[list(TRUTHS)].map(percent, digits=0).rename(index=_points)
    design = planned.groupby(about).first().loc[columns]
    found.loc[least] = design["detectable"].map(_difference)
    stated = (design[f"stated_{end}"].map(_difference) for end in ("low", "high"))
    found.loc["as its report will state"] = [
        " to ".join(each) for each in zip(*stated, strict=True)
    ]
    return _unnamed(found)


def _verdicts(planned: pd.DataFrame, truths: list[float]) -> pd.DataFrame:
    rows = planned[(planned["role"] == PRIMARY) & planned["truth"].isin(truths)]
    rows = rows.sort_values("truth", kind="stable").set_index(["truth", "scenario"])
    words = [word for word in WORDS if word in rows and rows[word].max() >= RARE]
    return _unnamed(rows[words].T.map(percent, digits=0).rename(columns=_points, level=0))


def _changes(table: pd.DataFrame, truth: float) -> pd.DataFrame:
    rows = table[
        (table["truth"] == truth) & (table["scenario"] == middle_scenario(table["scenario"]))
    ]
    found: dict[tuple[str, str], pd.Series] = {}
    for role, each in rows.groupby("role", sort=False):
        each = each.set_index("design")
        for name, column, digits in (("points", "detectable", 1), ("power, %", "power", 0)):
            change = each[column] - each.loc[AS_PLANNED, column]
            found[str(role), name] = each[column].map(percent, digits=digits)
            found[str(role), " " * digits + "change"] = change.map(points, digits=digits)
    hours = rows.drop_duplicates("design").set_index("design")["hours"]
    return _unnamed(pd.DataFrame({**found, ("", "hours"): hours.map("{:.1f}".format)}))


def _cautions(planned: pd.DataFrame, margin: float) -> Iterator[str]:
    """Yield what the design cannot show, in any of the scenarios."""
    rows = planned[planned["role"] == PRIMARY]
    if rows[rows.columns.intersection([NON_INFERIOR, SUPERIOR])].to_numpy().any():
        return  # its power says it
    if rows["detectable"].min() > margin:
        found = rows.loc[rows["truth"] == margin, "power"].max()
        yield (
            f"warning: a gain of the margin ({_points(margin)}) is found in {percent(found, 0)} % "
            "of such studies at most"
        )
    said = rows.loc[rows["truth"] == 0, [*rows.columns.intersection([NO_DIFFERENCE])]].max().sum()
    if said < POWER:
        yield (
            f'warning: of arms that are equal "{NO_DIFFERENCE}" is said in {percent(said, 0)} % of '
            f'such studies at most; otherwise they say "{CANNOT_TELL}"'
        )


def _difference(value: float) -> str:
    """Return a difference in points; none is larger than 100."""
    return percent(value) if value <= 1 else "over 100"


def _points(value: float) -> str:
    return f"{100 * value:.3g} points"


def _unnamed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the names of its index and columns, which only code needs."""
    return table.rename_axis(index=None, columns=[None] * table.columns.nlevels)
