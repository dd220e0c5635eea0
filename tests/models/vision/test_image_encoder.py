import numpy as np
import skimage.data
import torch

from models.vision.image_encoder import SIZE, ImageEncoder, SameConv, load_image_encoder, normalise
from models.vision.image_runtime import ImageRuntime, fit


def pictures() -> np.ndarray:
    return np.stack([fit(skimage.data.astronaut()), fit(skimage.data.chelsea()), fit(skimage.data.coffee())])


def test_same_padding_at_stride_two_looks_right_and_down():
    layer = SameConv(1, 1, 3, 2, relu=False)
    torch.nn.init.zeros_(layer.conv.weight)
    torch.nn.init.zeros_(layer.conv.bias)
    layer.conv.weight.data[0, 0, 0, 0] = 1  # the upper left of the nine
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert layer(x).flatten().tolist() == [0, 2, 8, 10]


def test_grids_have_the_places_of_the_picture():
    picture = np.full((SIZE, SIZE, 3), 127, np.uint8)
    marked = picture.copy()
    marked[176:208, 16:48] = 255
    encoder = load_image_encoder()
    with torch.no_grad():
        plain, spot = encoder(normalise(picture[None])), encoder(normalise(marked[None]))
    for before, after, scale in ((plain.middle, spot.middle, 16), (plain.top, spot.top, 32)):
        change = (after - before).abs().sum(1)[0]
        row, column = divmod(int(change.argmax()), change.shape[1])
        assert 176 // scale <= row <= 208 // scale
        assert 16 // scale <= column <= 48 // scale


def test_runtime_gives_the_numbers_of_torch():
    x = pictures()
    with torch.no_grad():
        expected = load_image_encoder()(normalise(x))
    got = ImageRuntime().encode(x)
    assert got.middle.shape == (3, 112, 14, 14) and got.top.shape == (3, 1280, 7, 7)
    np.testing.assert_allclose(got.middle, expected.middle.numpy(), atol=2e-3)
    np.testing.assert_allclose(got.top, expected.top.numpy(), atol=2e-3)


def test_it_tells_pictures_apart_and_knows_one_again():
    encoder = ImageRuntime()
    x = pictures()
    mirrored = x[:, :, ::-1]
    a, b = (encoder.encode(np.ascontiguousarray(p)).top.mean((2, 3)) for p in (x, mirrored))
    a, b = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (a, b))
    alike = a @ b.T
    assert alike.argmax(1).tolist() == [0, 1, 2]
    assert alike.diagonal().min() > alike[~np.eye(3, dtype=bool)].max() + 0.1


def test_it_has_the_size_of_lite0():
    encoder = ImageEncoder()
    biases = sum(p.numel() for name, p in encoder.named_parameters() if name.endswith("bias"))
    classifier = 1280 * 1000 + 1000
    # A batch norm has two numbers a channel, a folded one leaves one.
    assert sum(p.numel() for p in encoder.parameters()) + biases + classifier == 4_652_008
