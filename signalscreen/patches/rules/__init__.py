"""What each op does to a patch: one short function for a family of ops.

A rule is ``rule(walk, op, inputs) -> outputs``. Inputs are patches where the edit changed something and the
unedited tensors elsewhere; so are the outputs, None standing for one that did not change. A rule returns None
where it does not apply, and an empty list where the op is cheaper in full.
"""

from typing import Any

from signalscreen.axes.kinds import POINTWISE
from signalscreen.patches.rules.pointwise import along_channels, bias, each_its_own, pointwise
from signalscreen.patches.rules.products import batch_matrix_product, einsum, matrix_product
from signalscreen.patches.rules.reductions import extreme, reduction, total
from signalscreen.patches.rules.shapes import (
    along_axes,
    concatenation,
    expand_dims,
    gather,
    padding,
    reshape,
    split,
    squeeze,
    strided_slice,
    tile,
    transpose,
)
from signalscreen.patches.rules.sliding import (
    average_pooling,
    convolution,
    dilated,
    max_pooling,
    transposed_convolution,
)

RULES: dict[str, Any] = {
    **dict.fromkeys(POINTWISE, pointwise),
    "IdentityN": each_its_own,
    "BiasAdd": bias,
    **dict.fromkeys(["Softmax", "LogSoftmax", "LRN"], along_channels),
    **dict.fromkeys(["Conv2D", "Conv3D", "DepthwiseConv2dNative"], convolution),
    **dict.fromkeys(["MaxPool", "MaxPool3D"], max_pooling),
    **dict.fromkeys(["AvgPool", "AvgPool3D"], average_pooling),
    **dict.fromkeys(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], transposed_convolution),
    "SpaceToBatchND": dilated,
    "ExpandDims": expand_dims,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Reshape": reshape,
    **dict.fromkeys(["Pad", "PadV2"], padding),
    "StridedSlice": strided_slice,
    "Tile": tile,
    "ConcatV2": concatenation,
    **dict.fromkeys(["Split", "SplitV"], split),
    **dict.fromkeys(["ReverseV2", "Roll", "Cumsum", "Cumprod"], along_axes),
    **dict.fromkeys(["GatherV2", "ResourceGather"], gather),
    **dict.fromkeys(["Mean", "Sum"], total),
    **dict.fromkeys(["Any", "All", "Prod", "EuclideanNorm"], reduction),
    **dict.fromkeys(["Max", "Min"], extreme),
    "MatMul": matrix_product,
    "BatchMatMulV2": batch_matrix_product,
    "Einsum": einsum,
}
