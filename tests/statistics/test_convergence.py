import numpy as np
import pandas as pd

from augtrial.statistics.convergence import training_table, unconverged_arms

PREDICTIONS = pd.DataFrame(
    [(f"l{n}", f"p{n // 2}", 1 + n // 4, 1) for n in range(10)],
    columns=["lesion_id", "patient_id", "fold", "replicate"],
)


def history(arm, fold, loss):
    updates = np.arange(1, len(loss) + 1)
    return pd.DataFrame(
        {
            **{"arm": arm, "update": updates, "epoch": updates / 2, "loss": loss},
            **{"accuracy": 0.5, "replicate": 1, "fold": fold},
        }
    )


def test_a_network_near_the_loss_of_a_guess_has_not_converged():
    guess = np.log(3)
    histories = pd.concat(
        [
            history("none", 1, [guess, 0.5]),
            history("none", 2, [guess, 0.91 * guess]),
            history("classic", 1, [guess, 0.89 * guess]),
        ]
    )
    table = training_table(histories, PREDICTIONS, ["a", "b", "c"])
    assert list(table["converged"]) == [True, False, True]
    assert list(table["updates"]) == [2, 2, 2]
    assert list(table["lesions"]) == [6, 6, 6]
    assert list(table["patients"]) == [3, 3, 3]
    reasons = unconverged_arms(table)
    assert list(reasons) == ["none"]
    assert reasons["none"] == "final training loss 1.00, above 0.99, in replicate 1, fold 2"


def test_a_loss_that_is_no_number_has_not_converged():
    histories = pd.concat([history("none", 1, [1.0, np.nan]), history("none", 2, [1.0, 1.05])])
    reasons = unconverged_arms(training_table(histories, PREDICTIONS, ["a", "b", "c"]))
    assert reasons["none"].startswith("final training loss nan, above 0.99, in replicate 1, fold 1")


def test_the_limit_grows_with_the_number_of_classes():
    two = training_table(history("none", 1, [0.65]), PREDICTIONS, ["a", "b"])
    three = training_table(history("none", 1, [0.65]), PREDICTIONS, ["a", "b", "c"])
    assert not two.loc[0, "converged"]
    assert three.loc[0, "converged"]
