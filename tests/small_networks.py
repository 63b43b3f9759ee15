"""Networks that train in a second, and where: for the tests of what trains."""

import torch

from augtrial.device import Device
from augtrial.settings import ClassifierSettings

CPU = Device(torch.device("cpu"), bfloat16=False)
SMALL_CLASSIFIER = ClassifierSettings(channels=[4, 8], dense=8, learning_rate=0.05, batch=16)
SMALL_PAIR = {
    "latent": 8,
    "generator_channels": [8, 8, 4],
    "discriminator_channels": [4, 8, 8],
    "epochs": 3,
    "batch": 16,
    "snapshots": 2,
}
