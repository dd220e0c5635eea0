"""What raced against the network."""

import torch
from torch import Tensor, nn
from models.common.dilated import DilatedBlock
from models.separation.network import ACTIVITY, BINS, CUE, HORIZON, Extractor, features, voices, CuedLayer
from models.common.running_mean import running_mean


class Lstm(Extractor):
    pass


class Wide(Extractor):
    def __init__(self):
        super().__init__(384, 2)


class DilatedCued(nn.Module):
    def __init__(self, width, hidden, depth):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.scale_shift = nn.Linear(CUE, 2 * width)
        self.activity = nn.Linear(ACTIVITY, width, bias=False)
        self.exchange = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.exchange.weight)
        self.blocks = nn.ModuleList(DilatedBlock(width, hidden, 2**i) for i in range(depth))
        self.recurrent = nn.GRU(width, width, batch_first=True)

    def forward(self, x, cue, odds, beside):
        scale, shift = self.scale_shift(cue)[:, None].chunk(2, dim=-1)
        x = x + self.norm(x) * scale + shift + self.activity(odds)
        for b in self.blocks:
            x = b(x)
        x = x + self.recurrent(x)[0]
        told = self.exchange(x)
        return x + (beside @ told.flatten(1)).view_as(told), None


class Dilated(Extractor):
    """the 40/20 network of RESULTS.md: three stacks of 4 blocks and a GRU each"""

    def __init__(self, width=192, hidden=384, depth=4, stacks=3):
        super().__init__(width, 0)
        self.layers = nn.ModuleList(DilatedCued(width, hidden, depth) for _ in range(stacks))


class SkimCued(CuedLayer):
    """Segment LSTM whose state at the beginning of each segment comes from a memory LSTM over earlier segments."""

    K = 10

    def __init__(self, width):
        super().__init__(width)
        self.memory_h = nn.LSTM(width, width, batch_first=True)
        self.memory_c = nn.LSTM(width, width, batch_first=True)

    def forward(self, x, cue, odds, beside):
        scale, shift = self.scale_shift(cue)[:, None].chunk(2, dim=-1)
        y = self.norm(x) * (1 + scale) + shift + self.activity(odds)
        B, T, W = y.shape
        pad = -T % self.K
        y = nn.functional.pad(y, (0, 0, 0, pad)).view(B * ((T + pad) // self.K), self.K, W)
        h = getattr(self, "_in", None)
        z, (hn, cn) = self.recurrent(y, h)
        S = (T + pad) // self.K
        state = []
        for part, memory in ((hn, self.memory_h), (cn, self.memory_c)):
            m = part[0].view(B, S, W)
            m = m + memory(m)[0]
            state.append(nn.functional.pad(m, (0, 0, 1, 0))[:, :S].reshape(1, B * S, W).contiguous())
        self.next = tuple(state)  # of earlier segments only
        x = x + z.reshape(B, T + pad, W)[:, :T]
        told = self.exchange(x)
        return x + (beside @ told.flatten(1)).view_as(told)


class Skim(Extractor):
    def __init__(self, width=224, layers=3):
        super().__init__(width, 0)
        self.layers = nn.ModuleList(SkimCued(width) for _ in range(layers))

    def forward(self, X, of, prints, odds, beside):
        for layer in self.layers:
            layer._in = None
        power = X.abs().pow(2).mean(1)[..., None]
        x = self.input(features(X, running_mean(power, torch.ones_like(power), HORIZON)))[of]
        cue = torch.tanh(self.print_in(prints * 192**0.5))
        told = odds * odds.new_tensor([1 / 4, 1.0])
        state = None
        for layer in self.layers:
            layer._in = state
            x = layer(x, cue, told, beside)
            state = layer.next
        return voices(self.out(self.norm(x)), X[of], beside)


EDGES = [0, 5, 9, 13, 17, 21, 26, 32, 40, 50, 62, 78, 98, 124, 156, 196, 246, 321]


class BandBlock(nn.Module):
    """LSTM over time with weights shared by all bands, then a mixing of the bands."""

    def __init__(self, width, hidden, bands, groups=4):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.scale_shift = nn.Linear(CUE, 2 * width)
        self.activity = nn.Linear(ACTIVITY, width, bias=False)
        self.time = nn.LSTM(width, hidden, batch_first=True)
        self.back = nn.Linear(hidden, width)
        self.norm2 = nn.LayerNorm(width)
        # over all bands, for groups of channels apart
        self.groups = groups
        self.mix1 = nn.Parameter(torch.randn(groups, bands * width // groups, 192) * (bands * width // groups) ** -0.5)
        self.mix2 = nn.Parameter(torch.randn(groups, 192, bands * width // groups) * 0.3 * 192**-0.5)
        self.exchange = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.exchange.weight)

    def forward(self, x, cue, odds, beside):  # x (B, N, T, W)
        B, N, T, W = x.shape
        scale, shift = self.scale_shift(cue)[:, None, None].chunk(2, dim=-1)
        y = self.norm(x) * (1 + scale) + shift + self.activity(odds)[:, None]
        y = self.back(self.time(y.view(B * N, T, W))[0]).view(B, N, T, W)
        x = x + y
        G = self.groups
        z = self.norm2(x).view(B, N, T, G, W // G).permute(3, 0, 2, 1, 4).reshape(G, B * T, N * W // G)
        z = torch.bmm(nn.functional.gelu(torch.bmm(z, self.mix1)), self.mix2)
        x = x + z.view(G, B, T, N, W // G).permute(1, 3, 2, 0, 4).reshape(B, N, T, W)
        told = self.exchange(x)
        return x + (beside @ told.flatten(1)).view_as(told)


class Bands(nn.Module):
    """Grouped band-split; `repeats` > 1 shares the weights of the blocks (Swift-Net)."""

    def __init__(self, width=48, hidden=96, blocks=3, repeats=1):
        super().__init__()
        N = len(EDGES) - 1
        self.enter = nn.ModuleList(nn.Linear(3 * (b - a), width) for a, b in zip(EDGES, EDGES[1:]))
        self.leave = nn.ModuleList(nn.Linear(width, 4 * (b - a)) for a, b in zip(EDGES, EDGES[1:]))
        self.print_in = nn.Linear(192, CUE)
        self.layers = nn.ModuleList(BandBlock(width, hidden, N) for _ in range(blocks))
        self.repeats = repeats
        self.norm = nn.LayerNorm(width)
        bias = torch.zeros(4 * BINS)
        bias[BINS : 2 * BINS] = 0.55
        bias[3 * BINS :] = -2
        self.register_buffer("bias", bias)

    def forward(self, X, of, prints, odds, beside):
        power = X.abs().pow(2).mean(1)[..., None]
        f = features(X, running_mean(power, torch.ones_like(power), HORIZON))
        M, T, _ = f.shape
        f = f.view(M, T, 3, BINS)
        x = torch.stack([l(f[..., a:b].reshape(M, T, -1)) for l, a, b in zip(self.enter, EDGES, EDGES[1:])], 1)[of]
        cue = torch.tanh(self.print_in(prints * 192**0.5))
        told = odds * odds.new_tensor([1 / 4, 1.0])
        for _ in range(self.repeats):
            for layer in self.layers:
                x = layer(x, cue, told, beside)
        x = self.norm(x)
        o = torch.cat([l(x[:, i]).view(len(of), T, 4, -1) for i, l in enumerate(self.leave)], -1).flatten(2)
        return voices(o + self.bias, X[of], beside)


def Swift():
    return Bands(64, 96, 1, 3)


ALL = {"lstm": Lstm, "wide": Wide, "dilated": Dilated, "skim": Skim, "bands": Bands, "swift": Swift}
