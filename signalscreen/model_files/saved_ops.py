"""The TensorFlow ops that a SavedModel may have: those that compute their result from their arguments alone.

An op that is not on the list is refused by its name, so that one that TensorFlow gains tomorrow is refused as well.
The list holds what Keras 2 and 3 export, and what functions of ``tf.math``, ``tf.nn``, ``tf.linalg``, ``tf.signal``
and ``tf.image`` become. Ops that draw random numbers are on it: noise and dropout layers have them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from signalscreen.errors import ModelError
from signalscreen.model_files.admitted import OPS

COMPUTING = OPS | frozenset(
    """
    Acos Acosh AdjustContrastv2 AdjustHue AdjustSaturation Angle ApproximateEqual Asin Asinh Atan Atan2 Atanh
    AvgPool3DGrad AvgPoolGrad BatchMatMulV3 BatchToSpace BatchToSpaceND BesselI0 BesselI0e BesselI1 BesselI1e
    Betainc BiasAddV1 Bincount Bitcast BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs BroadcastGradientArgs
    Bucketize CheckNumerics CheckNumericsV2 Cholesky CombinedNonMaxSuppression Conj ConjugateTranspose Const
    Conv2DBackpropFilter Conv3DBackpropInputV2 CropAndResize Cross CumulativeLogsumexp DataFormatDimMap
    DataFormatVecPermute DenseBincount DepthwiseConv2dNativeBackpropInput Diag DiagPart Digamma
    Dilation2D DynamicPartition DynamicStitch EditDistance Einsum EluGrad EnsureShape Erfinv EuclideanNorm
    ExtractImagePatches ExtractVolumePatches FFT2D FFT3D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
    FakeQuantWithMinMaxVarsPerChannel FractionalAvgPool FractionalMaxPool FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 HSVToRGB HistogramFixedWidth IFFT IFFT2D IFFT3D IRFFT2D IdentityN Igamma IgammaGradA Igammac
    ImageProjectiveTransformV2 ImageProjectiveTransformV3 InTopKV2 InplaceAdd InplaceSub InplaceUpdate Inv Invert
    InvertPermutation IsFinite IsInf IsNan LeftShift Lgamma LinSpace ListDiff LogMatrixDeterminant LogSoftmax
    LowerBound Lu MatrixBandPart MatrixDeterminant MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3
    MatrixDiagV2 MatrixDiagV3 MatrixInverse MatrixLogarithm MatrixSetDiag MatrixSetDiagV2 MatrixSetDiagV3
    MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve MaxPoolGrad MaxPoolGradV2 MaxPoolV2
    MaxPoolWithArgmax MirrorPadGrad Multinomial Ndtri NextAfter NonMaxSuppressionV3 NonMaxSuppressionV4
    NonMaxSuppressionV5 NthElement ParallelConcat ParallelDynamicStitch Placeholder PlaceholderWithDefault
    Polygamma PopulationCount Qr QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 RFFT2D
    RFFT3D RGBToHSV RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor
    RaggedTensorToVariant RandomGammaGrad ReciprocalGrad RefIdentity ReluGrad ResizeArea ResizeBicubic Reverse
    ReverseSequence RightShift Round RsqrtGrad ScaleAndTranslate ScatterNd ScatterNdNonAliasingAdd SegmentMax
    SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd SegmentProdV2 SegmentSum SegmentSumV2
    SelfAdjointEigV2 Eig ShapeN SigmoidGrad SoftmaxCrossEntropyWithLogits SoftplusGrad Snapshot SpaceToBatch
    SpaceToBatchND SparseAdd SparseConcat SparseFillEmptyRows SparseReduceSum SparseReorder SparseReshape
    SparseSegmentMean SparseSegmentMeanWithNumSegments SparseSegmentSqrtN SparseSegmentSum
    SparseSegmentSumWithNumSegments SparseSlice SparseSoftmax SparseTensorDenseAdd SparseTensorDenseMatMul
    SparseToDense SqrtGrad StridedSliceGrad Svd TanhGrad TensorScatterAdd TensorScatterMax TensorScatterMin
    TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate TopK TridiagonalMatMul TridiagonalSolve
    TruncateDiv TruncateMod Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 UnravelIndex UnsortedSegmentMax
    UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound Where Xlog1py Zeta

    Case If NoOp PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile While Assert
    Enter Exit LoopCond Merge NextIteration Switch ControlTrigger PreventGradient
    EmptyTensorList TensorListConcat TensorListConcatV2 TensorListElementShape TensorListFromTensor
    TensorListGather TensorListGetItem TensorListLength TensorListPopBack TensorListPushBack
    TensorListPushBackBatch TensorListReserve TensorListResize TensorListScatter
    TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem TensorListSplit TensorListStack
    TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3 TensorArraySizeV3
    TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorArrayCloseV3

    ParameterizedTruncatedNormal RandomGamma RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt
    StatelessMultinomial StatelessRandomBinomial StatelessRandomGammaV2 StatelessRandomGammaV3
    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomGetKeyCounterAlg StatelessRandomNormal
    StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformFullInt
    StatelessRandomUniformFullIntV2 StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformV2 StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2
    TruncatedNormal

    ReadVariableOp ResourceGather
    ResourceGatherNd VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 IsVariableInitialized
    """.split()
)


def refuse_others(nodes: Iterable[Any], folder: str, also: frozenset[str] = frozenset()) -> None:
    """Refuse a program by the names of its ops that are not on the list.

    Parameters
    ----------
    nodes : iterable of NodeDef
    folder : str
        The SavedModel's name.
    also : frozenset of str
        Names of functions of the same program.

    Raises
    ------
    ModelError
    """
    others = sorted({name for name in _named(nodes) if name} - COMPUTING - also)
    if others:
        raise ModelError(
            f"SavedModel folder {folder!r} has ops that no network has ({', '.join(others)}), which may run "
            "Python, use files or tables, keep a state or wait; save the network alone, or, if you trust the file, "
            "pass a Keras model with keras.layers.TFSMLayer(folder, call_endpoint='serving_default') in it"
        )


def functions_called(nodes: Iterable[Any], library: dict[str, Any]) -> dict[str, Any]:
    """The functions of a library that these nodes call, those called inside them too: name -> FunctionDef."""
    found: dict[str, Any] = {}
    waiting = list(_named(nodes))
    while waiting:
        name = waiting.pop()
        if name in library and name not in found:
            found[name] = library[name]
            waiting += _named(library[name].node_def)
    return found


def _named(nodes: Iterable[Any]) -> Iterator[str]:
    """Whatever may be a function's name: an op may be one itself, or have it in an attribute."""
    for node in nodes:
        yield node.op
        for value in node.attr.values():
            yield value.func.name
            yield from (function.name for function in value.list.func)
