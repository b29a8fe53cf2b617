"""Networks written by hand, as people write them: what the tests of importing import."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """A basic residual block."""

    def __init__(self, channels: int, filters: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, filters, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(filters)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != filters:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(h)) + self.shortcut(x))


class ResNet(nn.Module):
    """A small residual network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.layers = nn.Sequential(Residual(8, 8), Residual(8, 8), Residual(8, 16, 2), Residual(16, 16))
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers(self.stem(x))
        return self.head(F.adaptive_avg_pool2d(h, 1).view(h.size(0), -1))


class Double(nn.Module):
    """Two convolutions."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, filters, 3, padding=1),
            nn.GroupNorm(2, filters),
            nn.SiLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1),
            nn.SiLU(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class UNet(nn.Module):
    """Down and up again, with shortcuts."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.middle = Double(1, 4), Double(4, 8), Double(8, 16)
        self.up2 = nn.ConvTranspose2d(16, 8, 2, 2)
        self.join2 = Double(16, 8)
        self.join1 = Double(12, 4)
        self.out = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.middle(F.avg_pool2d(b, 2))
        d = self.join2(torch.cat([self.up2(c), b], dim=1))
        e = F.interpolate(d, scale_factor=2, mode="bilinear", align_corners=False)
        return self.out(self.join1(torch.cat([e, a], 1)))


class Tagger(nn.Module):
    """Recurrent layers of all kinds, with their last states."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8, padding_idx=0)
        self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True, bidirectional=True, dropout=0.1)
        self.gru = nn.GRU(12, 5)  # time first
        self.out = nn.Linear(5 + 12, 4)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        sequence, (hidden, _) = self.lstm(self.embed(tokens))
        last = torch.cat([hidden[-2], hidden[-1]], dim=1)
        steps, state = self.gru(sequence.transpose(0, 1))
        return self.out(torch.cat([state[-1], last], dim=-1)), steps.transpose(0, 1)


class VAE(nn.Module):
    """A variational autoencoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(16, 3), nn.Linear(16, 3)
        self.decoder = nn.Sequential(
            nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8))
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.encoder(x)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        return self.decoder(z), mean, log_variance


class Translator(nn.Module):
    """An encoder-decoder transformer, time first as torch's own is by default, with a causal mask."""

    def __init__(self, batch_first: bool = False) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.source, self.target = nn.Embedding(15, 8), nn.Embedding(15, 8)
        self.register_buffer("positions", torch.randn(1, 20, 8))
        self.transformer = nn.Transformer(8, 2, 2, 2, 16, dropout=0.1, batch_first=batch_first)
        self.out = nn.Linear(8, 15)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        a = self.source(source) * 8**0.5 + self.positions[:, : source.shape[1]]
        b = self.target(target) * 8**0.5 + self.positions[:, : target.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        if not self.batch_first:
            a, b = a.transpose(0, 1), b.transpose(0, 1)
        y = self.transformer(a, b, tgt_mask=mask, tgt_is_causal=True)
        return self.out(y if self.batch_first else y.transpose(0, 1))


class Attention(nn.Module):
    """Self-attention written by hand, query, key and value in one projection."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(8, 24, bias=False), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        samples, steps, features = x.shape
        q, k, v = self.qkv(x).reshape(samples, steps, 3, 2, features // 2).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (features // 2) ** -0.5
        scores = scores.masked_fill(torch.ones(steps, steps, dtype=torch.bool).triu(1), -1e9)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(samples, steps, features))


class Shared(nn.Module):
    """One layer used twice, and an embedding whose table is the last layer's weight."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 8)
        self.twice = nn.Linear(8, 8)
        self.out = nn.Linear(8, 12, bias=False)
        self.out.weight = self.embed.weight
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, tokens: Tensor) -> Tensor:
        h = torch.tanh(self.twice(self.embed(tokens)))
        return self.out(torch.tanh(self.twice(h)) * self.scale)


def networks() -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
    """Return each network with weights drawn from a seed, and an input of three samples."""
    torch.manual_seed(0)
    tokens = torch.randint(1, 12, (3, 7))
    with warnings.catch_warnings():  # torch warns of what it could do faster
        warnings.simplefilter("ignore")
        translators = Translator(), Translator(True)
    found: dict[str, tuple[nn.Module, tuple[Tensor, ...]]] = {
        "resnet": (ResNet(), (torch.randn(3, 3, 12, 12),)),
        "unet": (UNet(), (torch.randn(3, 1, 16, 16),)),
        "tagger": (Tagger(), (tokens,)),
        "vae": (VAE(), (torch.randn(3, 1, 8, 8),)),
        "translator": (translators[0], (tokens, torch.randint(1, 12, (3, 5)))),
        "translator_batch_first": (translators[1], (tokens, torch.randint(1, 12, (3, 5)))),
        "attention": (Attention(), (torch.randn(3, 6, 8),)),
        "multihead": (
            nn.MultiheadAttention(8, 2, batch_first=True),
            (torch.randn(3, 6, 8), torch.randn(3, 5, 8), torch.randn(3, 5, 8)),
        ),
        "encoder_layer": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (torch.randn(3, 6, 8),)),
        "shared": (Shared(), (tokens,)),
    }
    for module, _ in found.values():
        for each in module.modules():
            if isinstance(each, nn.BatchNorm2d):  # statistics that are not those of a fresh one
                each.running_mean.uniform_(-0.2, 0.2)
                each.running_var.uniform_(0.5, 1.5)
    return found
