"""The kinds of bad signal, one bit each, and how a file says so."""

# In the order in which tables list them; each is explained in `bad_signal`.
FLAGS = {"flat": 1, "clipped": 2, "saturated": 4, "lead_off": 8, "low_quality": 16}

# Attributes of an array of such bits, by the CF conventions (section 3.5), so that other readers can name them.
FLAG_ATTRIBUTES = {"flag_masks": list(FLAGS.values()), "flag_meanings": " ".join(FLAGS)}


def names_of(bits: int) -> list[str]:
    """Names of the kinds that are set in one value of `bad_signal`.

    Examples
    --------
    >>> names_of(5)
    ['flat', 'saturated']
    """
    return [name for name, bit in FLAGS.items() if int(bits) & bit]
