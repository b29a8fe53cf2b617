"""What of PyTorch and of Sony's Neural Network Console has an equivalent here, and what is left out for which reason.

The tests hold these tables against `torch.nn` and the catalog; `docs/layers.md` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

COVERED: Final[Mapping[str, tuple[str, str]]] = {
    "CrossMapLRN2d": ("local_response_norm", "The same formula."),
    "NLLLoss2d": ("nll_loss", "Takes maps of classes too; torch keeps the old name only for old code."),
    "Softmax2d": ("softmax", "With axis 1."),
    "UpsamplingBilinear2d": ("upsample", "With the mode bilinear and aligned corners."),
    "UpsamplingNearest2d": ("upsample", "With the mode nearest."),
    "Parameter": ("learned_constant", "A free parameter as a node."),
}
"""Public class of torch.nn without a layer of its name -> the layer's key, and how it is set."""

_LAZY = "Lazy classes learn their input sizes from the first batch; here every layer's are inferred while you draw."
_CONTAINER = "A container of modules for Python code; the graph is the container here."
_STATE = "A building block for the state of modules, without a computation of its own."

LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
            "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d",
            "LazyInstanceNorm2d", "LazyInstanceNorm3d", "LazyLinear",
        ),
        _LAZY,
    ),
    **dict.fromkeys(
        ("Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"), _CONTAINER
    ),
    **dict.fromkeys(("Buffer", "UninitializedBuffer", "UninitializedParameter"), _STATE),
    "Module": "The base class of all modules.",
    "RNNBase": "The base class of RNN, LSTM and GRU.",
    "RNNCellBase": "The base class of the recurrent cells.",
    "DataParallel": "Spreads a batch over several graphics cards; it computes nothing itself.",
    "SyncBatchNorm": "Batch normalization over several devices: BatchNorm does it when a run has several.",
    "AdaptiveLogSoftmaxWithLoss": "A loss with weights that also has to make the predictions in use; losses here have "
    "neither weights nor an output of the network.",
    "LinearCrossEntropyLoss": "Fuses the last Linear layer into the loss to save memory; losses here have no weights. "
    "Linear and CrossEntropyLoss compute the same.",
    "LinearCrossEntropyOptions": "Settings of LinearCrossEntropyLoss.",
    "TripletMarginWithDistanceLoss": "Takes a Python function for its distance; TripletMarginLoss has the usual ones.",
}  # fmt: skip
"""Public class of torch.nn without an equivalent -> why."""

_PRE = "Preparation of data belongs to the data source, where it is fitted on the training part only."
_LOOP = "Loops are drawn unrolled with the recurrent cells, or as one RNN, LSTM or GRU node."
_GRADIENT = "Changes gradients, not values; a setting of training, which is no node."
_TEXT = "Ports carry numbers, never text or file names."
_EVALUATION = "What is measured on validation data is a metric of the run, chosen with the loss."
_EDITOR = "A piece of the editor, not of the network."
_BINARY = "Binary weights need an optimizer that keeps hidden full ones; BinaryTanh and Quantize cover activations."
_WEIGHTS = "Rewrites the weights of another layer; each layer here owns its weights."
_PIPELINE = "A pretrained pipeline to download; not a layer, and the program works without a network."

SONY: Final[Mapping[str, Mapping[str, str]]] = {
    "Activation": {
        "Abs": "=abs", "CELU": "Sony's joins ELU of x and of Negate(x) by Concat; PyTorch's CELU is a smooth ELU.",
        "CReLU": "ReLU of x and of Negate(x), joined by Concat.", "ELU": "=elu",
        "GELU": "=gelu", "HardSigmoid": "=hardsigmoid With a slope of 1/6 where Sony's has 0.2.",
        "HardTanh": "=hardtanh", "LeakyReLU": "=leaky_relu",
        "LogSigmoid": "=logsigmoid", "LogSoftmax": "=log_softmax", "Mish": "=mish", "PReLU": "=prelu", "ReLU": "=relu",
        "ReLU6": "=relu6", "SELU": "=selu", "Sigmoid": "=sigmoid",
        "Sinc": "=sinc Of x / π: PyTorch's is sin(πx) / (πx).", "SoftPlus": "=softplus",
        "SoftSign": "=softsign", "Softmax": "=softmax", "Swish": "=silu", "Tanh": "=tanh", "TanhShrink": "=tanhshrink",
    },
    "Arithmetic (2 Inputs)": {
        "Add2": "=add", "Div2": "=divide", "Maximum2": "=maximum", "Minimum2": "=minimum", "Mul2": "=multiply",
        "Pow2": "=pow", "Sub2": "=subtract",
    },
    "Arithmetic (N Inputs)": {"AddN": "=add", "MulN": "=multiply"},
    "Arithmetic (Scalar)": {
        "AddScalar": "=add_scalar", "MaximumScalar": "=maximum_scalar", "MinimumScalar": "=minimum_scalar",
        "MulScalar": "=multiply_scalar", "PowScalar": "=power", "RDivScalar": "=divide_into_scalar",
        "RPowScalar": "=power_of_scalar", "RSubScalar": "=subtract_from_scalar",
    },
    "Basic": {
        "AdaptiveSeparableConvolution": "Its kernels are computed for each pixel; Unfold and Multiply draw it.",
        "Affine": "=linear", "Convolution": "=conv2d", "Deconvolution": "=conv_transpose2d",
        "DeformableConvolution": "PyTorch itself has none; GridSample reads at computed places.",
        "DepthwiseConvolution": "=conv2d With as many groups as channels.",
        "DepthwiseDeconvolution": "=conv_transpose2d With as many groups as channels.", "Embed": "=embedding",
    },
    "IO": {"Constant": "=constant", "Input": "=input", "InputFileName": _TEXT, "InputString": _TEXT},
    "Logical": {
        "Equal": "=equal", "EqualScalar": "=equal_scalar", "Greater": "=greater", "GreaterEqual": "=greater_equal",
        "GreaterEqualScalar": "=greater_equal_scalar", "GreaterScalar": "=greater_scalar", "IsInf": "=is_inf",
        "IsNaN": "=is_nan", "Less": "=less", "LessEqual": "=less_equal", "LessEqualScalar": "=less_equal_scalar",
        "LessScalar": "=less_scalar", "LogicalAnd": "=logical_and",
        "LogicalAndScalar": "And with a fixed true or false is the input, or false.", "LogicalNot": "=logical_not",
        "LogicalOr": "=logical_or", "LogicalOrScalar": "Or with a fixed true or false is true, or the input.",
        "LogicalXor": "=logical_xor", "LogicalXorScalar": "Xor with a fixed true or false is Not, or the input.",
        "NotEqual": "=not_equal", "NotEqualScalar": "=not_equal_scalar",
    },
    "LoopControl": dict.fromkeys(("Delay", "RecurrentInput", "RecurrentOutput", "RepeatEnd", "RepeatStart"), _LOOP),
    "Loss": {
        "AbsoluteError": "=l1_loss", "BinaryCrossEntropy": "=bce_loss",
        "CategoricalCrossEntropy": "=nll_loss Behind Log.",
        "EpsilonInsensitiveLoss": "=epsilon_insensitive_loss", "HuberLoss": "=huber_loss Half of Sony's.",
        "KLMultinomial": "=kl_divergence Behind Log.", "SigmoidCrossEntropy": "=bce_with_logits",
        "SoftmaxCrossEntropy": "=cross_entropy", "SquaredError": "=mse_loss",
    },
    "Math": {
        "BatchDet": "=determinant", "BatchInv": "=inverse", "BatchLogdet": "=log_determinant", "BatchMatmul": "=matmul",
        "Ceil": "=ceil", "CumProd": "=cumprod", "CumSum": "=cumsum", "Exp": "=exp", "Floor": "=floor", "Log": "=log",
        "Max": "=max", "Mean": "=mean", "Min": "=min", "Norm": "=norm", "Prod": "=prod",
        "Round": "=round Halves go to the even neighbour.",
        "Sign": "=sign", "Sum": "=sum",
    },
    "Normalization": {
        "BatchNormalization": "=batch_norm2d", "FusedBatchNormalization": "BatchNorm2d, Add and ReLU as three nodes.",
        "GroupNormalization": "=group_norm", "InstanceNormalization": "=instance_norm2d",
        "LayerNormalization": "=layer_norm", "NormNormalization": "=normalize", "SpectralNorm": _WEIGHTS,
        "WeightNormalization": _WEIGHTS, "WeightStandardization": _WEIGHTS,
    },
    "Others(Pre Process)": {
        "ImageAugmentation": _PRE, "MeanSubtraction": _PRE, "OneHot": "=one_hot", "RandomCrop": _PRE,
        "RandomErase": _PRE, "RandomFlip": _PRE, "RandomShift": _PRE,
    },
    "Others": {
        "Broadcast": "=expand", "BroadcastTo": "=expand", "ClipByNorm": "Normalize and MultiplyScalar set the length.",
        "ClipByValue": "=clamp", "ClipGradByNorm": _GRADIENT, "ClipGradByValue": _GRADIENT, "Comment": _EDITOR,
        "Concatenate": "=concat", "Dropout": "=dropout",
        "Extract": "Links pick values from nodes; the live views show any of them.", "Flatten": "=flatten",
        "Flip": "=flip", "Identity": "=identity", "Interpolate": "=upsample", "MatrixDiag": "=diag_embed",
        "MatrixDiagPart": "=diagonal",
        "NmsDetection2d": "Its number of results depends on the values; shapes here are known before any run.",
        "Output": "=output", "Pad": "=pad", "Prune": _WEIGHTS, "ResetInf": "=nan_to_num", "ResetNaN": "=nan_to_num",
        "Reshape": "=reshape",
        "Shift": "=pad With the mode replicate on one side; Slice then cuts the other. Roll shifts in a ring.",
        "Slice": "=slice", "Sort": "=sort", "Stack": "=stack", "Tile": "=tile",
        "TopKData": "=top_k Gives the largest alone; MaskedFill by GreaterEqual with the last of them keeps "
        "their places.",
        "TopKGrad": _GRADIENT, "Transpose": "=permute", "Unlink": _GRADIENT,
        "Unsupported": _EDITOR, "VATNoise": "Needs a gradient within the forward pass; GaussianNoise disturbs simply.",
    },
    "Parameter": {
        "Parameter": "=learned_constant",
        "WorkingMemory": "A value kept between batches; memory here flows through the ports of recurrent cells.",
    },
    "Pooling": {
        "AveragePooling": "=avg_pool2d", "GlobalAveragePooling": "=global_avg_pool", "MaxPooling": "=max_pool2d",
        "SumPooling": "=lp_pool2d With power 1.",
        "Unpooling": "=upsample With the mode nearest; MaxUnpool puts a number back where MaxPool found it.",
    },
    "Quantize": {
        "BinaryConnectAffine": _BINARY, "BinaryConnectConvolution": _BINARY, "BinarySigmoid": "=binary_sigmoid",
        "BinaryTanh": "=binary_tanh", "BinaryWeightAffine": _BINARY, "BinaryWeightConvolution": _BINARY,
        "FixedPointQuantize": "=quantize Behind Clamp for its range.",
        "MinMaxQuantize": "Clamp to the range, then Quantize.",
        "Pow2Quantize": "Log2, Quantize with step 1 and PowerOfScalar, for numbers above 0.",
    },
    "Setting": {
        "Import": _EDITOR, "StructureSearch": "A search over networks, not a layer.",
        "TestNetwork": "A network used for evaluation only; a phase of the plan, not a layer.",
    },
    "Spectral": {"FFT": "=rfft Of real signals.", "IFFT": "=irfft Of real signals."},
    "Trigonometric": {
        "ACos": "=acos", "ACosh": "=acosh", "ASin": "=asin", "ASinh": "=asinh", "ATan": "=atan", "ATan2": "=atan2",
        "ATanh": "=atanh", "Cos": "=cos", "Cosh": "=cosh", "Sin": "=sin", "Sinh": "=sinh", "Tan": "=tan",
    },
    "Unit": {
        "Argument": "A parameter of a unit; a unit is a reusable block here, which is no layer.", "LSTM": "=lstm",
        "Unit": "A reusable block, which is no layer.",
    },
    "Validation": {"BinaryError": _EVALUATION, "TopNError": _EVALUATION},
    "Pipeline": dict.fromkeys(
        (
            "audio-classification", "automatic-speech-recognition", "conversational", "depth-estimation",
            "document-question-answering", "feature-extraction", "fill-mask", "image-classification",
            "image-segmentation", "image-to-text", "object-detection", "question-answering", "summarization",
            "table-question-answering", "text-classification", "text-generation", "text2text-generation",
            "token-classification", "translation", "video-classification", "visual-question-answering",
            "zero-shot-audio-classification", "zero-shot-classification", "zero-shot-image-classification",
            "zero-shot-object-detection",
        ),
        _PIPELINE,
    ),
}  # fmt: skip
"""Group -> component of Sony's console -> "=key" of our layer and how it is set, or the reason why there is none."""
