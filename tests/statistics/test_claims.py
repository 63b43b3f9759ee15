from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from augtrial.core.errors import UserError
from augtrial.reporting.published_results import CLASSIC, CONFUSION, DCGAN
from augtrial.statistics.claims import (
    TRIAL_DISCORDANCE,
    Claim,
    claim_lines,
    false_macro_order,
    false_order,
    read_confusions,
    read_counts,
)

DOCS = Path(__file__).parents[2] / "docs"
TRIAL = DOCS / "results" / "brain-tumor-mr-trial"
PAPER = read_counts("182", ["156", "143"])
COUNTS = st.integers(1, 300).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(0, n))
)


def claim_of(n, a, b):
    return read_counts(str(n), [str(a), str(b)])


def paired_posterior(n, only_a, only_b, worth=1.0, draws=200_000):
    """Return draws of accuracy A minus accuracy B under Dirichlet(1, 1, 1, 1), all four cells."""
    both = n - only_a - only_b  # how these split between right and wrong does not matter
    counts = np.array([both * 0.7, only_a, only_b, both * 0.3])
    p = np.random.default_rng(0).dirichlet(1 + worth * counts, draws)
    return (p[:, 0] + p[:, 1]) - (p[:, 0] + p[:, 2])


@pytest.mark.parametrize("discordant", [13, 21, 65])
@pytest.mark.parametrize("worth", [1, 113 / 182])
def test_it_is_the_posterior_of_the_whole_table(discordant, worth):
    only = ((discordant + 13) // 2, (discordant - 13) // 2)
    simulated = np.mean(paired_posterior(182, *only, worth) <= 0)
    assert false_order(PAPER, discordant, worth) == pytest.approx(simulated, abs=0.002)


def test_it_is_a_binomial_tail_where_the_counts_are_whole():
    assert false_order(PAPER, 13) == pytest.approx(0.5**14)
    assert false_order(PAPER, 65) == pytest.approx(stats.binom.sf(39, 66, 0.5))


@given(COUNTS)
def test_the_least_and_most_discordance_are_those_of_every_possible_overlap(counts):
    n, a, b = counts
    overlaps = range(max(0, a + b - n), min(a, b) + 1)
    possible = [a + b - 2 * both for both in overlaps]
    assert claim_of(n, a, b).discordant().ravel().tolist() == [min(possible), max(possible)]


@given(COUNTS)
def test_the_more_is_discordant_the_less_certain_is_the_order(counts):
    claim = claim_of(*counts)
    low, high = claim.discordant().ravel()
    p = [false_order(claim, d) for d in np.linspace(low, high, 9)]
    assert np.all(np.diff(p) >= -1e-12)
    assert 0 <= p[-1] <= 0.5 + 1e-12


@given(COUNTS)
def test_the_order_in_which_the_methods_are_given_does_not_matter(counts):
    n, a, b = counts
    assert claim_lines(claim_of(n, a, b)) == claim_lines(claim_of(n, b, a))


@given(COUNTS, st.data())
def test_fewer_effective_cases_make_an_order_less_certain(counts, data):
    n, a, b = counts
    assume(a != b)
    d = data.draw(st.integers(abs(a - b), min(a + b, 2 * n - a - b)))
    assert false_order(claim_of(n, a, b), d, 0.5) >= false_order(claim_of(n, a, b), d)


def test_the_trials_discordance_is_counted_from_its_predictions():
    predictions = pd.read_csv(TRIAL / "winners.csv")
    right = predictions.assign(right=predictions["label"] == predictions["predicted"]).pivot(
        index=["replicate", "lesion_id"], columns="arm", values="right"
    )
    differ = right["classic, after"] != right["classic+dcgan, after"]
    assert differ.mean() == pytest.approx(TRIAL_DISCORDANCE)
    assert len(differ) == 6 * 182


def test_the_papers_claim_in_words():
    claimed, discordance, probability, left_out = claim_lines(PAPER)
    assert claimed == (
        "claimed: 156 of 182 cases right (85.7 %) against 143 (78.6 %), a difference of 7.1 points"
    )
    assert "13 to 65 cases, 7.1 % to 35.7 %; 11.4 % in this project's trial" in discordance
    assert "below 0.1 % to 5.4 %, depending on the discordance; 0.2 % at 11.4 %" in probability
    assert "patient" in left_out
    assert "trained only once" in left_out
    assert "best of several" in left_out


def test_patients_make_fewer_cases_and_a_stated_discordance_replaces_the_trials():
    lines = claim_lines(PAPER, discordance=0.15, patients=91)
    assert not any("trial" in line for line in lines)
    half = false_order(PAPER, 0.15 * 182, 0.5)
    assert (
        f"(91 cases): 0.6 % to 13.1 %, depending on the discordance; {100 * half:.1f}" in lines[3]
    )
    assert "patient" not in lines[-1]


def test_a_discordance_that_is_impossible_is_not_told():
    lines = claim_lines(claim_of(182, 182, 143))
    assert "39 cases, 21.4 %" in lines[1]
    assert "11.4" not in "".join(lines)


def test_shares_are_counts_as_rounded_or_cut_off():
    for right in (["85.7%", "78.6%"], ["0.857", "0.786"], ["85.7 %", "143"]):
        assert read_counts("182", right).right.ravel().tolist() == [156, 143]
    assert read_counts("64", ["81.2%", "68.7%"]).right.ravel().tolist() == [52, 44]  # the paper's


def test_everything_wrong_with_counts_is_told_at_once():
    with pytest.raises(UserError) as error:
        read_counts("182", ["190", "1.5"])
    assert [problem.split(":")[0] for problem in error.value.problems] == [
        "--right 190",
        "--right 1.5",
    ]
    with pytest.raises(UserError, match="--cases: 'many'") as error:
        read_counts("many", ["-5", "85%"])
    assert "--right -5: give a whole number from 0" in str(error.value)
    with pytest.raises(UserError, match=r"the nearest is 155 \(85.2 %\)"):
        read_counts("182", ["85.3%", "143"])


@pytest.mark.parametrize("right", [["1", "0.9"], ["85.7%", "1"]])
def test_a_1_beside_a_share_is_neither_a_count_nor_a_share(right):
    with pytest.raises(UserError, match="is 1 one case or all"):
        read_counts("182", right)
    assert read_counts("182", ["1.0", "0.9"]).right.ravel().tolist() == [182, 164]


@pytest.mark.parametrize("huge", ["1e40", "1" * 40, "inf", "nan", "1e999999"])
def test_numbers_beyond_all_studies_are_told_too(huge):
    with pytest.raises(UserError, match="--cases"):
        read_counts(huge, [huge, f"{huge}%"])


def test_what_the_counts_do_not_allow_is_told_with_what_they_do():
    with pytest.raises(UserError, match=r"13 to 65 of 182 cases; give 0\.0714 to 0\.3571") as error:
        claim_lines(PAPER, discordance=0.5, patients=200)
    assert "--patients 200: give 1 to 182" in str(error.value)
    with pytest.raises(UserError, match="--discordance nan"):
        claim_lines(PAPER, discordance=float("nan"))
    assert claim_lines(PAPER, discordance=0.0714)  # as the message rounds it


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def write_paper(folder):
    return [
        write(
            folder / f"{name}.csv", "\n".join(",".join(map(str, row)) for row in CONFUSION[system])
        )
        for name, system in (("new", DCGAN), ("old", CLASSIC))
    ]


def test_confusion_matrices_give_their_diagonals_by_class(tmp_path):
    claim = read_confusions(write_paper(tmp_path))
    assert claim.sizes.tolist() == [53, 64, 65]
    assert claim.right.tolist() == [[53, 52, 51], [52, 44, 47]]
    assert claim_lines(claim)[:3] == claim_lines(PAPER)[:3]


def test_macro_sensitivity_is_the_mean_of_the_classes_posteriors(tmp_path):
    claim = read_confusions(write_paper(tmp_path))
    for discordant, line_part in zip(claim.discordant(), ("0.1 %", "5.7 %"), strict=True):
        mean = 0
        for i, (n, d, (a, b)) in enumerate(
            zip(claim.sizes, discordant, claim.right.T, strict=True), start=1
        ):
            rng = np.random.default_rng(i)
            p = rng.dirichlet([1 + (d + a - b) / 2, 1 + (d - a + b) / 2, 2 + n - d], 200_000)
            mean += (p[:, 0] - p[:, 1]) / 3
        assert false_macro_order(claim, discordant) == pytest.approx(np.mean(mean <= 0), abs=0.002)
        assert line_part in claim_lines(claim)[3]


def test_macro_sensitivity_of_one_class_is_accuracy():
    assert false_macro_order(PAPER, np.array([65])) == pytest.approx(
        false_order(PAPER, 65), abs=0.002
    )


def test_equal_macro_sensitivities_have_no_order():
    claim = Claim(np.array([20, 20]), np.array([[15, 12], [12, 15]]))
    assert false_macro_order(claim, claim.discordant()[0]) == pytest.approx(0.5, abs=0.005)


def test_macro_sensitivity_may_have_the_other_order():
    claim = Claim(np.array([100, 10]), np.array([[90, 2], [80, 9]]))
    assert false_macro_order(claim, claim.discordant()[0]) < 0.1


@pytest.mark.parametrize(
    "text",
    [
        ",a,b\na,8,2\nb,1,9\n",
        "true\\pred;a;b\r\na;8;2\r\nb;1;9\r\n",
        "\t0\t1\n0\t8\t2\n1\t1\t9\n   \n",
    ],
)
def test_names_and_semicolons_may_stand_in_a_matrix(tmp_path, text):
    claim = read_confusions([write(tmp_path / "new.csv", "\ufeff" + text)] * 2)
    assert claim.right.tolist() == [[8, 9], [8, 9]]


def test_a_class_without_cases_has_no_sensitivity(tmp_path):
    path = write(tmp_path / "new.csv", "8,2,0\n1,9,0\n0,0,0")
    assert read_confusions([path, path]).sizes.tolist() == [10, 10]


@pytest.mark.parametrize(
    ("new", "old", "told"),
    [
        ("8,2\n1", "8,2\n1,9", "new.csv: 2 rows with 2, 1 columns"),
        ("", "8,2\n1,9", "new.csv: 0 rows with no columns"),
        ("8,x\n1,9", "8,2\n1,9", "new.csv, row 1, column 2: 'x'"),
        (",a,b\na,8,2\nb,-1,9", "8,2\n1,9", "new.csv, row 3, column 2: '-1'"),
        (",a,b\nb,8,2\na,1,9", "8,2\n1,9", r"rows are named \['b', 'a'\], columns \['a', 'b'\]"),
        (",a,b\na,8,2\nb,1,9", ",b,a\nb,8,2\na,1,9", "the classes a, b; .*old.csv has b, a"),
        ("8,2\n1,9", "8,3\n1,9", "class 1: 10 cases in .*new.csv, 11 in"),
        ("0,0\n0,0", "0,0\n0,0", "no cases"),
        ("\n8,2\n\n1,x", "8,2\n1,9", "new.csv, row 4, column 2: 'x'"),
        (",2\n1,9", "8,2\n1,9", "new.csv, row 1, column 1: ''"),
        ("8,2,10\n1,9,10\n9,11,20", "8,2\n1,9", "new.csv: the last row and column are the sums"),
    ],
)
def test_a_matrix_that_is_none_is_told(tmp_path, new, old, told):
    paths = [write(tmp_path / "new.csv", new), write(tmp_path / "old.csv", old)]
    with pytest.raises(UserError, match=told):
        read_confusions(paths)


def test_files_that_cannot_be_read_are_all_told(tmp_path):
    (tmp_path / "old.csv").write_bytes("8,2\n1,9\n".encode("utf-16"))
    with pytest.raises(UserError) as error:
        read_confusions([tmp_path / "new.csv", tmp_path / "old.csv"])
    missing, coded = error.value.problems
    assert missing.endswith("new.csv cannot be read: No such file or directory")
    assert "looks like UTF-16" in coded


def test_the_examples_in_the_documentation_are_what_is_printed(tmp_path):
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    examples = (claim_lines(PAPER), claim_lines(read_confusions(write_paper(tmp_path)), None, 91))
    for lines in examples:
        assert "\n".join(f"    {line}" for line in lines) in page
