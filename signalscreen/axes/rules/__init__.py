"""What each op does to what axes stand for: one short function for a family of ops.

A rule is ``rule(walk, op) -> axes of each output``. It gives nothing where it does not apply.
"""

from signalscreen.axes.kinds import POINTWISE
from signalscreen.axes.rules.pointwise import each_its_own, pointwise, same
from signalscreen.axes.rules.products import batch_product, einsum, matrix_product, spectrum
from signalscreen.axes.rules.recurrence import list_of, loop, stacked_list
from signalscreen.axes.rules.shapes import (
    broadcast,
    expand_dims,
    padding,
    reduction,
    reshape,
    reverse,
    roll,
    squeeze,
    tile,
    transpose,
)
from signalscreen.axes.rules.sliding import (
    batch_to_space,
    resizing,
    space_to_batch,
    transposed_window,
    window,
)
from signalscreen.axes.rules.taking import (
    concatenation,
    gather,
    one_hot,
    slice_,
    split,
    stack,
    strided_slice,
    unstack,
)
from signalscreen.axes.walk import Rule

RULES: dict[str, Rule] = {
    **dict.fromkeys(POINTWISE, pointwise),
    **dict.fromkeys(["Complex", "ComplexAbs", "Real", "Imag", "Conj", "Angle", "Select"], pointwise),
    "IdentityN": each_its_own,
    **dict.fromkeys(["Softmax", "LogSoftmax", "LRN", "Cumsum", "Cumprod", "EnsureShape", "BiasAdd"], same),
    **dict.fromkeys(["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"], same),
    **dict.fromkeys(["Conv2D", "Conv3D", "DepthwiseConv2dNative"], window),
    **dict.fromkeys(["MaxPool", "MaxPool3D", "AvgPool", "AvgPool3D"], window),
    **dict.fromkeys(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], transposed_window),
    "SpaceToBatchND": space_to_batch,
    "BatchToSpaceND": batch_to_space,
    **dict.fromkeys(["ResizeNearestNeighbor", "ResizeBilinear", "ResizeBicubic", "ResizeArea"], resizing),
    "ExpandDims": expand_dims,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Reshape": reshape,
    **dict.fromkeys(["Pad", "PadV2", "MirrorPad"], padding),
    "StridedSlice": strided_slice,
    "Slice": slice_,
    "Tile": tile,
    "BroadcastTo": broadcast,
    "ConcatV2": concatenation,
    "Pack": stack,
    "Unpack": unstack,
    **dict.fromkeys(["Split", "SplitV"], split),
    "ReverseV2": reverse,
    "Roll": roll,
    **dict.fromkeys(["GatherV2", "ResourceGather"], gather),
    "OneHot": one_hot,
    **dict.fromkeys(["Mean", "Sum", "Max", "Min", "Prod", "Any", "All", "EuclideanNorm"], reduction),
    "MatMul": matrix_product,
    **dict.fromkeys(["BatchMatMulV2", "BatchMatMulV3"], batch_product),
    "Einsum": einsum,
    **dict.fromkeys(["RFFT", "FFT", "IRFFT", "IFFT"], spectrum),
    "TensorListFromTensor": list_of,
    **dict.fromkeys(["While", "StatelessWhile"], loop),
    "TensorListStack": stacked_list,
}
