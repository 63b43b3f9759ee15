import numpy as np
import pytest
from scipy import stats

import made_up
from augtrial.statistics.secondary import corrected_resampled_t, secondary_table, sign_flip


def test_the_corrected_t_is_the_plain_one_when_nothing_is_shared():
    d = np.array([0.1, 0.05, -0.02, 0.08, 0.11])
    assert corrected_resampled_t(d, 0) == pytest.approx(stats.ttest_1samp(d, 0).pvalue)


def test_the_corrected_t_by_hand():
    d = np.array([0.1, 0.2, 0.3])
    t = 0.2 / np.sqrt((1 / 3 + 0.5) * 0.01)
    assert corrected_resampled_t(d, 0.5) == pytest.approx(2 * stats.t.sf(t, 2))


def test_sign_flips_of_six_replicates_reach_two_of_64():
    assert sign_flip(np.array([0.1, 0.2, 0.3, 0.1, 0.05, 0.2])) == pytest.approx(2 / 64)
    assert sign_flip(np.array([0.1, -0.1])) == 1


def test_mcnemar_is_told_by_its_median_and_its_range():
    row = secondary_table(made_up.predictions(replicates=4), ["classic - none"]).iloc[2]
    made = made_up.predictions(replicates=4)
    right = made.assign(right=made["label"] == made["predicted"]).pivot_table(
        index=["replicate", "lesion_id"], columns="arm", values="right", aggfunc="first"
    )
    each = []
    for _, own in right.groupby("replicate"):
        only = (
            int((own["classic"] & ~own["none"]).sum()),
            int((~own["classic"] & own["none"]).sum()),
        )
        each.append(stats.binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0)
    assert row["p"] == pytest.approx(np.median(each))
    assert (row["p_low"], row["p_high"]) == pytest.approx((min(each), max(each)))


def test_one_split_is_averaged_over_replicates_and_several_are_not():
    made = made_up.predictions(replicates=4)
    one = secondary_table(made, ["classic - none"]).set_index("test")
    assert one.loc["corrected resampled t", "units"] == 2
    made["fold"] = (made["lesion_id"].str[1:].astype(int) // 2 + made["replicate"]) % 2
    several = secondary_table(made, ["classic - none"]).set_index("test")
    assert several.loc["corrected resampled t", "units"] == 2 * 4


def test_a_fold_without_a_class_and_one_replicate_are_answered():
    made = made_up.predictions(replicates=1)
    made = made[~((made["label"] == "cyst") & (made["fold"] == 1))]
    table = secondary_table(made, ["classic - none"], endpoint=("auc", "macro"))
    assert len(table) == 3
    assert table["p"].dropna().between(0, 1).all()
