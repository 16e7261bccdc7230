"""How much of the signal one value of a layer can see, by arithmetic over the Keras layers.

Nothing is run and TensorFlow is not imported here: kernel, stride, dilation, padding and pool size are read
off the layers, and the span of inputs behind each value is followed back through the graph. Where a layer is
not known (or the model has no graph of layers, as a subclassed one), the answer is None, never a guess.

Reference: Araujo, Norris, Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks", Distill.
"""

from signalscreen.receptive.places import call_positions, layer_positions
from signalscreen.receptive.summary import LayerSummary, summarise

__all__ = ["LayerSummary", "call_positions", "layer_positions", "summarise"]
