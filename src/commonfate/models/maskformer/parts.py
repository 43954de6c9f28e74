"""MaskFormer's parts, from the transformers library, which is imported when the first is made.

No weights of the library are loaded: none of this needs a network connection.
"""

from torch import nn

from commonfate.models.maskformer.widths import Widths


def pixel_decoder(channels: tuple[int, ...], doublings: int, widths: Widths) -> nn.Module:
    """The feature pyramid network, extended to the image's resolution (supplement A).

    [Conv3, UpsampleNN(2), Conv1] stands `doublings` times between the pyramid's finest map and the
    3x3 convolution that MaskFormer projects it to the pixel embedding with, as in the released
    code (there, group norms of these convolutions are one module with one set of weights, and the
    1x1 convolutions are padded by a pixel, the result cropped; here neither).

    Args:
        channels: of the backbone's maps, fine to coarse.
        doublings: from the finest map's resolution to the image's.
        widths: of the head.

    Returns:
        transformers' MaskFormerPixelDecoder.
    """
    from transformers.models.maskformer import modeling_maskformer as library

    decoder = library.MaskFormerPixelDecoder(
        in_features=channels[-1],
        lateral_widths=list(channels[:-1]),
        feature_size=widths.features,
        mask_feature_size=widths.masks,
    )
    steps: list[nn.Module] = []
    for _ in range(doublings):
        steps += [
            library.MaskFormerFPNConvLayer(widths.features, widths.features),
            library.MaskFormerFPNConvLayer(
                widths.features, widths.features, kernel_size=1, padding=0
            ),
            # Repeating pixels commutes with the layer above, which costs a quarter before it.
            nn.Upsample(scale_factor=2, mode="nearest"),
        ]
    decoder.mask_projection = nn.Sequential(*steps, decoder.mask_projection)
    for part in decoder.modules():
        if isinstance(part, nn.Conv2d):
            _initialise_convolution(part)
    return decoder


def query_decoder(channels: int, queries: int, widths: Widths) -> nn.Module:
    """The transformer decoder, in which queries look at the backbone's coarsest map.

    Args:
        channels: of that map.
        queries: K.
        widths: of the head.

    Returns:
        transformers' MaskFormerTransformerModule.
    """
    from transformers import MaskFormerConfig
    from transformers.models.maskformer import modeling_maskformer as library

    decoder = {
        "model_type": "detr",
        "num_queries": queries,
        "d_model": widths.features,
        "decoder_layers": widths.layers,
        "decoder_attention_heads": widths.heads,
        "encoder_attention_heads": widths.heads,
        "decoder_ffn_dim": widths.feedforward,
        "dropout": widths.dropout,
    }
    module = library.MaskFormerTransformerModule(channels, MaskFormerConfig(decoder_config=decoder))
    for parameter in module.decoder.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
    if module.input_projection is not None:
        _initialise_convolution(module.input_projection)
    return module


def mask_embedding(widths: Widths) -> nn.Module:
    """The three-layer perceptron from a query to its mask embedding."""
    from transformers.models.maskformer import modeling_maskformer as library

    return library.MaskformerMLPPredictionHead(widths.features, widths.features, widths.masks)


def _initialise_convolution(convolution: nn.Conv2d) -> None:
    """MaskFormer's initialisation (Caffe2's `XavierFill`): uniform, of variance 1 / fan-in."""
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
