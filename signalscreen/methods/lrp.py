"""Layer-wise relevance propagation."""

from typing import Any

import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.method import method

Array = npt.NDArray[Any]


@method()
def lrp(score: Any, x: Array, *, epsilon: float = 1e-6, gamma: float = 0.0) -> Array:
    """The score shared out backwards, layer by layer, in proportion to what each input contributed.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    epsilon : float
        Added to each sum that relevance is divided by, away from zero; a larger one (0.1 to 1) leaves out what
        nearly cancels. In units of the activations.
    gamma : float
        For convolutions: terms that agree with the sign of their sum count ``1 + gamma`` times. 0 is the epsilon
        rule; 0.25 is usual for the lower layers of a deep network, against noise.

    Returns
    -------
    ndarray of float32, shape of `x`
        Units of the score. Over one example they add up to the score, less what the biases and `epsilon` took.

    Raises
    ------
    UnsupportedOpError
        The network has an op without a rule (layer normalisation, recurrence); its name is given.
    OptionError
        `epsilon` is not above 0, or `gamma` is below 0.

    Notes
    -----
    With ``R`` the relevance of an op's outputs and ``z_k = sum_i x_i w_ik + b_k``, the epsilon rule is
    ``R_i = sum_k x_i w_ik / (z_k + epsilon sign(z_k)) R_k``. Non-linearities of one number pass relevance on,
    max-pooling gives it to the place of the maximum, two signals multiplied get half each. A batch normalisation
    counts as what it is: a factor, and a bias. The softmax of an attention is taken by its slopes (AttnLRP), which
    does not keep the sum.

    *Reads well when* layers rectify and `gamma` is above 0; *misleads when* biases carry the score, which leaves
    little for the signal, and with ``gamma=0`` on rectified networks it is nearly input times gradient.

    References
    ----------
    Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
    Propagation"; Montavon et al. 2019, "Layer-Wise Relevance Propagation: An Overview"; for inputs of either
    sign, gamma is that of Andéol et al. 2023, as in Zennit; for attention, Achtibat et al. 2024, "AttnLRP".
    """
    for name, value, allowed in (("epsilon", epsilon, epsilon > 0), ("gamma", gamma, gamma >= 0)):
        if not allowed:
            raise OptionError(f"{name} is {value}; give one {'above 0' if name == 'epsilon' else 'of 0 or more'}")
    return score.relevance(x, float(epsilon), float(gamma))
