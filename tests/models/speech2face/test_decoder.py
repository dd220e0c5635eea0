import numpy as np
import torch

from models.speech2face.decoder import SIDE, FaceDecoder, load_face_decoder


def blank(flow=0.0):
    """A decoder of a picture that is dark on the left and bright on the right, moved by a flow."""
    net = FaceDecoder().requires_grad_(False)
    for layer in (net.code, net.light, net.colour, net.flow):
        layer.weight.zero_()
        layer.bias.zero_()
    net.light.bias.view(SIDE, SIDE)[:, SIDE // 2 :] = 1.0
    net.flow.bias.view(2, -1)[0] = flow
    return net


def test_without_a_flow_the_texture_is_the_picture():
    picture = blank()(torch.zeros(1, 128))[0]
    assert picture.shape == (3, SIDE, SIDE)
    torch.testing.assert_close(picture[:, 5, 10], torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(picture[:, 5, 80], torch.ones(3), atol=1e-3, rtol=0)


def test_a_flow_says_where_each_pixel_is_taken_from():
    # A quarter of the picture's side to the right: the edge comes a quarter to the left.
    light = blank(0.5)(torch.zeros(1, 128))[0, 0, 40]
    assert int(np.argmax(light.numpy() > 0.5)) == SIDE // 4


def test_colour_becomes_red_green_and_blue():
    net = blank()
    net.light.bias[:] = 0.5
    net.colour.bias.view(2, -1)[1] = 0.2
    red, green, blue = net(torch.zeros(1, 128))[0, :, 50, 50].tolist()
    assert (round(red, 3), round(green, 3), round(blue, 3)) == (0.78, 0.357, 0.5)


def test_the_shipped_decoder_draws_different_people():
    net = load_face_decoder()
    random = torch.randn(2, 128, generator=torch.Generator().manual_seed(0)) * 0.05
    one, other = net(random)
    assert (one - other).abs().mean() > 0.01
    assert 0.2 < one.mean() < 0.9
