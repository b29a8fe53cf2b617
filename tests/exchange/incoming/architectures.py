"""Eleven architectures of the transformers library, small and with random weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

TEXT: Mapping[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "max_position_embeddings": 64,
}


class First(nn.Module):
    """A model by position of its inputs, and of what it gives the first."""

    def __init__(self, model: nn.Module, names: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the logits or the last hidden state."""
        result: Tensor = self.model(**dict(zip(self.names, inputs, strict=True)))[0]
        return result


def _bert(library: Any) -> nn.Module:
    return library.BertModel(library.BertConfig(**TEXT))


def _roberta(library: Any) -> nn.Module:
    return library.RobertaModel(library.RobertaConfig(**TEXT))


def _distilbert(library: Any) -> nn.Module:
    config = library.DistilBertConfig(
        vocab_size=99, dim=32, n_layers=2, n_heads=4, hidden_dim=37, max_position_embeddings=64
    )
    return library.DistilBertModel(config)


def _gpt2(library: Any) -> nn.Module:
    config = library.GPT2Config(
        vocab_size=99,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=64,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    return library.GPT2LMHeadModel(config)


def _llama(library: Any) -> nn.Module:
    return library.LlamaForCausalLM(library.LlamaConfig(**TEXT, num_key_value_heads=2, use_cache=False))


def _t5(library: Any) -> nn.Module:
    config = library.T5Config(vocab_size=99, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, use_cache=False)
    return library.T5ForConditionalGeneration(config)


def _bart(library: Any) -> nn.Module:
    config = library.BartConfig(
        vocab_size=99,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=37,
        decoder_ffn_dim=37,
        max_position_embeddings=64,
        use_cache=False,
    )
    return library.BartModel(config)


def _vit(library: Any) -> nn.Module:
    config = library.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        image_size=32,
        patch_size=8,
    )
    return library.ViTForImageClassification(config)


def _convnext(library: Any) -> nn.Module:
    config = library.ConvNextConfig(num_stages=4, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])
    return library.ConvNextForImageClassification(config)


def _swin(library: Any) -> nn.Module:
    config = library.SwinConfig(
        image_size=32, patch_size=2, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    return library.SwinModel(config)


def _resnet(library: Any) -> nn.Module:
    config = library.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1], layer_type="basic"
    )
    return library.ResNetModel(config)


TEXTS = ("input_ids",)
BOTH = ("input_ids", "decoder_input_ids")
PIXELS = ("pixel_values",)

ARCHITECTURES: Mapping[str, tuple[Callable[[Any], nn.Module], tuple[str, ...]]] = {
    "bert": (_bert, TEXTS),
    "roberta": (_roberta, TEXTS),
    "distilbert": (_distilbert, TEXTS),
    "gpt2": (_gpt2, TEXTS),
    "llama": (_llama, TEXTS),
    "t5": (_t5, BOTH),
    "bart": (_bart, BOTH),
    "vit": (_vit, PIXELS),
    "convnext": (_convnext, PIXELS),
    "swin": (_swin, PIXELS),
    "resnet": (_resnet, PIXELS),
}


def architecture(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """Return a small model of a kind, and inputs for it."""
    import transformers

    make, names = ARCHITECTURES[name]
    torch.manual_seed(0)
    own = set(vars(nn.Module))
    model = make(transformers)
    for added in set(vars(nn.Module)) - own:  # the library hangs helpers on torch's class, for all tests to see
        delattr(nn.Module, added)
    inputs = {
        "input_ids": torch.randint(3, 99, (3, 12)),
        "decoder_input_ids": torch.randint(3, 99, (3, 7)),
        "pixel_values": torch.randn(3, 3, 32, 32),
    }
    return First(model, names).eval(), tuple(inputs[each] for each in names)
