"""Units of leads, and what is warned of."""

import numpy as np
import pytest

from signalscreen.errors import RateWarning, RecordingError, UnitsWarning
from signalscreen.recording import Recording
from signalscreen.recording.units import in_units, unit_factor, warn_of_rate, warn_of_units


@pytest.mark.parametrize(
    ("have", "want", "factor"),
    [
        ("mV", "mV", 1.0),
        ("uV", "mV", 1e-3),
        ("µV", "mV", 1e-3),  # the micro sign
        ("μV", "mV", 1e-3),  # the Greek letter
        ("V", "mV", 1e3),
        ("mV", "uV", 1e3),
        ("nV", "V", 1e-9),
        (" mv ", "mV", 1.0),
        ("mmHg", "mmHg", 1.0),
        ("mmHg", "mV", None),
        ("MV", "mV", None),  # a million volts, or a careless millivolt: nobody knows
    ],
)
def test_from_one_to_another(have, want, factor):
    assert unit_factor(have, want) == factor


def test_each_lead_by_its_own_unit():
    signal = np.array([[1.0, 2000.0, 3.0], [np.nan, -500.0, 4.0]])
    ecg = Recording(signal, fs=100, units=("mV", "uV", ""), names=("I", "II", "x"))
    found = in_units(ecg, "mV")
    np.testing.assert_allclose(found.signal, [[1, 2, 3], [np.nan, -0.5, 4]])
    assert found.units == ("mV", "mV", "")
    assert in_units(found, "mV") is found


def test_what_cannot_be_converted_is_refused_by_its_lead():
    record = Recording(np.zeros((5, 2)), fs=1, units=("mV", "mmHg"), names=("II", "ABP"), source="bed 3")
    with pytest.raises(
        RecordingError, match=r"lead ABP of bed 3 is in mmHg, and the model expects mV; choose leads"
    ):
        in_units(record, "mV")


def test_doubts_are_said():
    with pytest.warns(RateWarning, match=r"so it gets 360 Hz, as recorded; give its rate \(resample\)"):
        warn_of_rate(360.0)
    with pytest.warns(UnitsWarning, match=r"does not say the units of b, c; they are taken as mV"):
        warn_of_units("mV", ("uV", "", ""), ("a", "b", "c"), None)
    with pytest.warns(UnitsWarning, match=r"expects mV, and these leads are of something else: b \(mmHg\)"):
        warn_of_units("mV", ("uV", "mmHg"), ("a", "b"), "zscore")
    warn_of_units("mV", ("uV", ""), ("a", "b"), "zscore")  # windows that are scaled are the same in any unit
