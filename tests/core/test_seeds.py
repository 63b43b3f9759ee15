import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from augtrial.core import seeds
from augtrial.synthesizers.shared.gan_training import draw_latent

names = st.lists(st.one_of(st.integers(), st.text(alphabet="abc-_ ", max_size=5)), max_size=4)


@given(st.integers(0, 2**31), names, names)
def test_seeds_depend_on_the_seed_and_the_whole_name(seed, one, other):
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (seeds.derive(seed, *one) == seeds.derive(seed, *other)) == same


def test_generators_of_one_name_draw_the_same():
    first, second = (seeds.generator(1, "a", 2).random(5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(*(torch.rand(5, generator=seeds.torch_generator(1, "a")) for _ in "ab"))


@given(st.integers(1, 130), st.integers(1, 40))
def test_fewer_latents_are_the_head_of_more(count, latent):
    few = draw_latent(count, latent, seeds.torch_generator(5, "z"))
    more = draw_latent(count + 77, latent, seeds.torch_generator(5, "z"))
    assert torch.equal(few, more[:count])
    assert few.abs().max() <= 1
