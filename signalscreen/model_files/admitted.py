"""The TensorFlow operations that may stand between the layers of a Keras 2 file.

They compute their result from their arguments alone: none runs Python code, draws random numbers, holds a state, or
reads or writes a file. Keras 2.4 and later wrote the name of a function, TensorFlow 2.0 to 2.3 the type of an op.
"""

from functools import reduce
from typing import Any

from signalscreen.backend import tf

_FUNCTIONS = {
    "": """
        argsort boolean_mask broadcast_to cast clip_by_value concat convert_to_tensor expand_dims eye fill
        gather gather_nd identity linspace meshgrid one_hot ones ones_like pad range rank repeat reshape reverse
        roll searchsorted shape size slice sort split squeeze stack stop_gradient strided_slice tensordot tile
        transpose unstack where zeros zeros_like
    """,
    "__operators__": "add eq getitem ne",
    "math": """
        abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh ceil conj cos cosh
        count_nonzero cumprod cumsum cumulative_logsumexp digamma divide divide_no_nan equal erf erfc erfinv exp
        expm1 floor floordiv floormod greater greater_equal imag is_finite is_inf is_nan l2_normalize less
        less_equal lgamma log log1p log_sigmoid logical_and logical_not logical_or logical_xor maximum minimum
        mod multiply multiply_no_nan negative not_equal pow real reciprocal reciprocal_no_nan reduce_all
        reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod
        reduce_std reduce_sum reduce_variance rint round rsqrt scalar_mul segment_max segment_mean segment_min
        segment_prod segment_sum sigmoid sign sin sinh softmax softplus softsign sqrt square squared_difference
        subtract tan tanh top_k truediv unsorted_segment_max unsorted_segment_mean unsorted_segment_min
        unsorted_segment_sum xdivy xlog1py xlogy
    """,
    "nn": """
        atrous_conv2d avg_pool avg_pool1d avg_pool2d avg_pool3d batch_normalization bias_add conv1d
        conv1d_transpose conv2d conv2d_transpose conv3d convolution crelu depth_to_space depthwise_conv2d elu
        gelu l2_normalize leaky_relu local_response_normalization log_softmax max_pool max_pool1d max_pool2d
        max_pool3d moments pool relu relu6 selu separable_conv2d sigmoid silu softmax softplus softsign
        space_to_depth swish tanh weighted_moments
    """,
    "linalg": """
        band_part cross diag diag_part l2_normalize matmul matrix_transpose norm normalize set_diag tensordot
        trace
    """,
    "image": "flip_left_right flip_up_down per_image_standardization resize resize_with_pad rgb_to_grayscale",
    "signal": """
        dct fft fft2d fftshift frame hamming_window hann_window idct ifft ifft2d ifftshift inverse_stft irfft
        linear_to_mel_weight_matrix mfccs_from_log_mel_spectrograms overlap_and_add rfft rfft2d stft
        vorbis_window
    """,
    "compat.v1": """
        argmax argmin boolean_mask count_nonzero expand_dims floor_div gather gather_nd norm ones_like pad
        reduce_all reduce_any reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum
        reverse_sequence shape size squeeze transpose where zeros_like
    """,
    "compat.v1.math": "log_softmax softmax",
    "compat.v1.nn": """
        avg_pool bias_add conv1d conv2d conv2d_transpose conv3d convolution depthwise_conv2d log_softmax
        max_pool moments pool separable_conv2d softmax
    """,
    "compat.v1.image": "resize_bilinear resize_nearest_neighbor",
}
FUNCTIONS = frozenset(
    f"{room}.{name}" if room else name for room, names in _FUNCTIONS.items() for name in names.split()
)
# Functions that a function of the list takes as an argument, written by their bare name.
WINDOWS = ("hamming_window", "hann_window", "vorbis_window")
OPS = frozenset(
    """
    Abs Add AddN AddV2 All Any ArgMax ArgMin AvgPool AvgPool3D BatchMatMul BatchMatMulV2 BiasAdd BroadcastTo
    Cast Ceil ClipByValue Complex ComplexAbs Concat ConcatV2 Conv2D Conv2DBackpropInput Conv3D Cos Cosh Cumprod
    Cumsum DepthToSpace DepthwiseConv2dNative Div DivNoNan Elu Equal Erf Erfc Exp ExpandDims Expm1 FFT Fill
    Floor FloorDiv FloorMod Gather GatherNd GatherV2 Greater GreaterEqual IRFFT Identity Imag L2Loss LRN
    LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr MatMul Max MaxPool MaxPool3D
    Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NotEqual OneHot OnesLike Pack Pad PadV2 Pow Prod
    RFFT Range Rank Real RealDiv Reciprocal Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2
    Rint Roll Round Rsqrt Select SelectV2 Selu Shape Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
    SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StopGradient StridedSlice Sub Sum Tan Tanh
    Tile TopKV2 Transpose Unpack Xdivy Xlogy ZerosLike
    """.split()
)


def function_named(name: str) -> Any:
    """The TensorFlow function of this name, as Keras 2 wrote it, or None if it is not on the list.

    Examples
    --------
    >>> function_named("math.square")(3.0).numpy()
    np.float32(9.0)
    >>> function_named("io.read_file") is None
    True
    """
    return reduce(getattr, name.split("."), tf) if name in FUNCTIONS else None
